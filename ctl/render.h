// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/model.h"

/// Pure text: what gservectl prints. Every text ends with a newline. What a supervisor or an application says
/// is cleared of control characters, which could otherwise drive the terminal.
namespace gserve::ctl {

/// What became of a command that makes a job.
struct Outcome {
  std::string command;  // stop, reload, worker restart
  std::string instance;
  std::string result;        // done, failed, superseded, running (not waited for), unknown
  std::optional<JobId> job;  // none if it was refused
  std::string reason;
};

/// For people.
std::string render_status(const Status& status);
std::string render_list(const std::vector<Listed>& instances);
std::string render_incidents(const std::vector<IncidentSummary>& incidents);
std::string render_incident(const Incident& incident);
std::string render_config(const std::vector<SettingInForce>& settings);
std::string render_outcome(const Outcome& outcome);
std::string render_progress(std::string_view text);

/// For programs: one JSON document each.
std::string json_status(const Status& status);
std::string json_list(const std::vector<Listed>& instances);
std::string json_incidents(const std::vector<IncidentSummary>& incidents);
std::string json_incident(const Incident& incident);
std::string json_config(const std::vector<SettingInForce>& settings);
/// {"line": ...}
std::string json_log_line(std::string_view line);
std::string json_outcome(const Outcome& outcome);

/// "350 ms", "12 s", "5 min 12 s", "2 h 3 min", "3 d 4 h".
std::string render_duration(std::uint64_t usec);
/// Local time: "2026-11-23 09:15:27 +0000".
std::string render_time(std::uint64_t usec);
/// "512 B", "34.5 MiB".
std::string render_bytes(std::uint64_t bytes);

}  // namespace gserve::ctl
