// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/core/actions.h"
#include "supervisor/core/events.h"
#include "supervisor/core/types.h"

namespace gserve::core {

struct WorkerView {
  LaunchId launch;
  Pid pid;  // 0 until spawned
  std::string pool;
  WorkerState state;
  Generation generation;
  TimePoint started;
};

struct JobView {
  JobId id;
  JobKind kind;
  JobState state;
  std::string reason;
  std::string progress;
};

struct PoolView {
  std::string name;
  int target;  // desired workers
  int ready;
  bool crash_looping;                   // its workers keep dying; see backoff.h
  int failures;                         // since all went well
  std::string last_failure;             // one line; empty: none so far
  std::optional<TimePoint> next_start;  // when back-off lets the next worker start, if it is waited for
};

/// One consistent view for `status`.
struct StatusView {
  SupervisorState state;
  Generation generation;
  int target;  // desired workers, all pools
  int ready;
  std::vector<WorkerView> workers;  // in the order in which they were launched
  std::vector<PoolView> pools;      // as configured; the first is the default one
};

/// The brain: events in, actions out, time as an argument. Pure and deterministic: same configuration, seed,
/// events and times give the same actions. Not thread safe; lives on the supervisor's only thread.
class Supervisor {
 public:
  /// `seed` feeds the back-off's jitter.
  Supervisor(const SupervisorConfig& config, std::uint64_t seed);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// `now` must not be earlier than that of the call before. Carry out all the actions before handling the
  /// next event; events that they cause wait in a queue. After Exit there are no more actions.
  Actions handle(const Event& event, TimePoint now);

  /// When TimePassed is wanted next; nothing when only an event can change anything.
  std::optional<TimePoint> next_deadline() const;

  StatusView status() const;
  /// Jobs that run, and finished ones for 10 minutes.
  std::optional<JobView> job(JobId id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gserve::core
