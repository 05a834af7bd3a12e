// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/scoreboard.h"
#include "supervisor/core/events.h"
#include "supervisor/core/supervisor.h"
#include "supervisor/core/types.h"
#include "supervisor/ports/incidents.h"

namespace gserve::ports {

/// A worker as `status` shows it: the core's view joined with what the system and the scoreboard tell.
struct WorkerReport {
  core::Pid pid = 0;
  std::string pool;
  core::WorkerState state = core::WorkerState::starting;
  core::Generation generation = 0;
  core::Duration age{};
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;                                             // of the requests, answered with 5xx
  std::uint64_t connections = 0;                                        // accepted
  std::array<std::uint64_t, scoreboard::kDurationBuckets> durations{};  // see scoreboard::kDurationBounds
  std::uint64_t rss_bytes = 0;
  core::Duration cpu{};  // user and system time
  std::uint32_t in_flight = 0;
  std::string request;  // the oldest running request's line, may be empty
  core::Duration request_age{};
  std::string due;     // why it is to be replaced; empty: it is not
  bool spare = false;  // it rests until a roll-back needs it
};

struct TemplateReport {
  core::Pid pid = 0;
  std::string pool;
  core::TemplateState state = core::TemplateState::starting;
  core::Generation generation = 0;
  core::Duration age{};
  std::uint64_t rss_bytes = 0;
};

struct PoolReport {
  std::string name;
  int target = 0;
  int ready = 0;
  bool crash_looping = false;
  int failures = 0;
  std::string last_failure;
  std::optional<core::Duration> next_start;  // until back-off lets the next worker start
};

/// Where the error log goes.
struct LogPlace {
  std::string kind;  // file, journal, terminal, pipe, none (/dev/null), other
  std::string path;  // of a file: absolute; of a terminal: its device; else empty
};

/// One setting as it is in force.
struct SettingReport {
  std::string name;
  std::string value;   // as Python writes it
  std::string json;    // the same
  std::string source;  // default, file, command_line ...
  std::string origin;  // for people: "--workers", "gunicorn.conf.py"
};

struct StatusReport {
  std::string name;
  core::Pid pid = 0;
  core::Duration uptime{};
  core::Generation generation = 0;
  int target = 0;
  int ready = 0;
  core::SupervisorState state = core::SupervisorState::starting;
  std::vector<std::string> listeners;
  std::uint64_t last_incident = 0;  // id; 0: there was none
  std::vector<PoolReport> pools;
  std::vector<WorkerReport> workers;
  std::vector<TemplateReport> templates;
  std::uint64_t workers_started = 0;  // since the service began
  LogPlace log;
  core::Generation previous = 0;  // what a roll-back would go back to; 0: nothing
  core::Duration bake_left{};     // of the current generation's test; 0: there is none
  std::string rolled_back;        // why the last deploy was taken back without being asked for; or empty
};

/// What the control interface asks of the supervisor. All calls on the supervisor's thread.
class ControlHandler {
 public:
  virtual ~ControlHandler() = default;
  virtual StatusReport status() = 0;
  virtual std::optional<core::JobView> job(core::JobId id) = 0;
  /// Of the current generation, sorted by name.
  virtual std::vector<SettingReport> settings() = 0;
  /// Those that are kept, oldest first; valid until control returns to the supervisor.
  virtual const std::deque<Incident>& incidents() = 0;
  /// An event of those that carry a request id (core/events.h), with one from 1 on, chosen by the caller. The answer comes by ControlBus::accepted or refused, possibly within this call.
  virtual void submit(const core::Event& request) = 0;
};

/// What the supervisor tells those who asked. All calls on the supervisor's thread; none blocks or throws.
class ControlBus {
 public:
  virtual ~ControlBus() = default;
  virtual void accepted(core::RequestId request, core::JobId job) = 0;
  virtual void refused(core::RequestId request, const std::string& reason) = 0;
  virtual void job_progress(core::JobId job, const std::string& text) = 0;
  virtual void job_finished(core::JobId job, core::JobState result, const std::string& reason) = 0;
};

}  // namespace gserve::ports
