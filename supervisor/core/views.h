// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/core/types.h"

/// What the supervisor shows of itself.
namespace gserve::core {

struct WorkerView {
  LaunchId launch;
  Pid pid;  // 0 until spawned
  std::string pool;
  WorkerState state;
  Generation generation;
  TimePoint started;
  std::string due;  // why it is to be replaced; empty: it is not
  bool spare;       // it rests until a roll-back needs it
  bool operator==(const WorkerView&) const = default;
};

struct TemplateView {
  LaunchId launch;
  Pid pid;  // 0 until spawned
  std::string pool;
  TemplateState state;
  Generation generation;
  TimePoint started;
  bool operator==(const TemplateView&) const = default;
};

struct JobView {
  JobId id;
  JobKind kind;
  JobState state;
  std::string reason;
  std::string progress;
  bool operator==(const JobView&) const = default;
};

/// How many jobs of a kind have ended so, since the service began.
struct JobCount {
  JobKind kind = JobKind::stop;
  JobState result = JobState::done;
  std::uint64_t count = 0;
  bool operator==(const JobCount&) const = default;
};

struct PoolView {
  std::string name;
  int target;  // desired workers
  int ready;
  bool crash_looping;                   // its workers keep dying; see backoff.h
  int failures;                         // since all went well
  std::string last_failure;             // one line; empty: none so far
  std::optional<TimePoint> next_start;  // when back-off lets the next worker start, if it is waited for
  ExitCounts exits{};                   // of its workers, since the service began
  bool operator==(const PoolView&) const = default;
};

/// One consistent view for `status`.
struct StatusView {
  SupervisorState state;
  Generation generation;
  int target;  // desired workers, all pools
  int ready;
  std::vector<WorkerView> workers;       // in the order in which they were launched
  std::vector<PoolView> pools;           // as configured; the first is the default one
  std::vector<TemplateView> templates;   // in the order in which they were launched
  std::optional<Generation> kept;        // what a roll-back would go back to
  std::optional<TimePoint> bakes_until;  // the current generation is on test (bake.h)
  std::uint64_t workers_started;         // since the service began, also those of before an upgrade
  std::string rolled_back;  // that the last deploy was taken back without being asked for, and why; or empty
  std::vector<JobCount> jobs{};  // that have ended
  bool operator==(const StatusView&) const = default;
};

}  // namespace gserve::core
