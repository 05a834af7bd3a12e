// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/scoreboard.h"

/// What gservectl learns from a supervisor, as common/control_contract.h names it.
namespace gserve::ctl {

using JobId = std::uint64_t;
/// How many requests took how long, by the bounds of common/scoreboard.h.
using Durations = std::array<std::uint64_t, scoreboard::kDurationBuckets>;

struct WorkerStatus {
  std::uint32_t pid = 0;
  std::string pool;
  std::string state;
  std::uint64_t generation = 0;
  std::uint64_t age_usec = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t connections = 0;
  Durations durations{};
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_usec = 0;
  std::uint32_t in_flight = 0;
  std::string request;
  std::uint64_t request_age_usec = 0;
  std::string due;  // why it is to be replaced; empty: it is not
};

struct TemplateStatus {
  std::uint32_t pid = 0;
  std::string pool;
  std::string state;
  std::uint64_t generation = 0;
  std::uint64_t age_usec = 0;
  std::uint64_t rss_bytes = 0;
};

struct PoolStatus {
  std::string name;
  std::uint32_t target = 0;
  std::uint32_t ready = 0;
  std::string state;  // running, crash-looping
  std::uint32_t failures = 0;
  std::string last_failure;
  std::uint64_t next_start_usec = 0;  // 0: no start is waited for
};

struct Status {
  std::string name;
  std::uint32_t pid = 0;
  std::string version;
  std::uint64_t uptime_usec = 0;
  std::uint64_t generation = 0;
  std::uint32_t target = 0;
  std::uint32_t ready = 0;
  std::string state;
  std::uint64_t previous_generation = 0;  // 0: none
  std::uint64_t bake_usec = 0;            // 0: no test
  std::string rolled_back;
  std::vector<std::string> listeners;
  std::uint64_t last_incident = 0;  // id; 0: there was none
  std::uint64_t workers_started = 0;
  std::string log_kind;  // file, journal, terminal, pipe, none, other
  std::string log_path;
  std::vector<PoolStatus> pools;
  std::vector<TemplateStatus> templates;
  std::vector<WorkerStatus> workers;
};

/// A setting in force.
struct SettingInForce {
  std::string name;
  std::string value;   // as Python writes it
  std::string json;    // the same
  std::string source;  // one word
  std::string origin;  // for people
};

struct Job {
  JobId id = 0;
  std::string kind;
  std::string state;  // running, done, failed, superseded
  std::string reason;
  std::string progress;
};

/// The end of a worker or template that should not have ended so.
struct IncidentSummary {
  std::uint64_t id = 0;
  std::uint64_t time_usec = 0;  // since 1970-01-01 UTC
  std::string kind;             // timeout, crash, out-of-memory, boot-failure
  std::string process;          // worker, template
  std::uint64_t launch = 0;
  std::uint32_t pid = 0;  // 0: it could not be started
  std::string pool;
  std::uint64_t generation = 0;
  std::string reason;
};

struct RequestInFlight {
  std::string line;
  std::uint64_t age_usec = 0;
};

struct Incident {
  IncidentSummary summary;
  std::string details;          // the application's traceback; may be empty
  std::uint32_t in_flight = 0;  // requests; may be more than are listed
  std::vector<RequestInFlight> requests;
  std::string stacks;  // may be empty
  std::string log;     // may be empty
};

/// A running supervisor, by its socket. The name is its directory's; empty when only --socket was given.
struct Instance {
  std::string name;
  std::string socket;
};

/// An instance and what it says of itself, for `list`.
struct Listed {
  Instance instance;
  Status status;
};

/// How many workers `scale` asks for: a count, or a difference to the present one.
struct ScaleTarget {
  int count = 0;
  bool relative = false;
  bool operator==(const ScaleTarget&) const = default;
};

/// Why something could not be done: one clear line, or an application's traceback.
struct Failure {
  enum class Kind {
    refused,    // the supervisor said no, or this user may not connect
    absent,     // nobody listens there
    lost,       // the connection broke
    no_answer,  // the supervisor lives but does not answer in time
  } kind = Kind::refused;
  std::string reason;
};

template <typename T>
using Result = std::variant<T, Failure>;

}  // namespace gserve::ctl
