// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// What gservectl learns from a supervisor, as common/control_contract.h names it.
namespace gserve::ctl {

using JobId = std::uint64_t;

struct WorkerStatus {
  std::uint32_t pid = 0;
  std::string pool;
  std::string state;
  std::uint64_t generation = 0;
  std::uint64_t age_usec = 0;
  std::uint64_t requests = 0;
  std::uint64_t rss_bytes = 0;
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
  std::vector<std::string> listeners;
  std::vector<PoolStatus> pools;
  std::vector<TemplateStatus> templates;
  std::vector<WorkerStatus> workers;
};

struct Job {
  JobId id = 0;
  std::string kind;
  std::string state;  // running, done, failed, superseded
  std::string reason;
  std::string progress;
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
