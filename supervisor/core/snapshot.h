// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/core/timer_queue.h"
#include "supervisor/core/types.h"
#include "supervisor/core/views.h"

/// All that the core knows, as plain data: what an upgrade carries from the old program into the new one.
/// What can be counted again (who is ready, who drains) is not in it.
///
/// There is no snapshot while a reload or a stop is under way: an upgrade waits for neither.
namespace gserve::core {

struct BackoffRecord {
  std::optional<TimePoint> gate;  // none: there never was one
  int incidents = 0;
  int failures = 0;
  int window = 1;
  std::optional<TimePoint> calm_since;
  bool operator==(const BackoffRecord&) const = default;
};

/// What is known of a worker, but for its state, which only Workforce::transition may change.
struct WorkerFacts {
  LaunchId launch = 0;
  std::size_t pool = 0;  // index
  Generation generation = 0;
  Duration boot_timeout{};  // 0 = none
  Duration timeout{};       // 0 = none
  Duration graceful_timeout{};
  std::uint64_t max_memory = 0;  // bytes; 0 = no limit
  Duration max_lifetime{};       // 0 = no limit
  TimePoint started{};
  LaunchId from = 0;    // the template that it is forked from; 0: none
  Pid pid = 0;          // 0 until spawned
  int owed_signal = 0;  // to be sent as soon as it is spawned; 0 = none
  std::optional<TimePoint> ready_at;
  bool retired = false;                    // told to leave by the supervisor
  bool replaced = false;                   // told to leave because another one has taken its place
  bool leaving = false;                    // said STOPPING=1 without being told
  bool blamed = false;                     // its failure is already counted by the back-off
  Duration drain_limit{};                  // graceful_timeout, less in a quick stop
  std::string boot_error;                  // what it said about a failed boot
  std::string due;                         // why it is to be replaced, one word; empty: it is not
  std::optional<TimePoint> overdue_since;  // it has an overdue request among others
  std::string fault;     // one line: what it was aborted for, or that its drain was cut off; empty: neither
  bool resting = false;  // a spare: ready, but told not to serve
  bool chosen = false;   // it is to become a template when its replacement is ready
  std::uint64_t requests = 0;  // answered, as last seen
  std::uint64_t errors = 0;    // answered with 5xx, as last seen
  bool operator==(const WorkerFacts&) const = default;
};

struct WorkerRecord {
  WorkerFacts facts;
  WorkerState state = WorkerState::starting;
  bool operator==(const WorkerRecord&) const = default;
};

/// What is known of a template, but for its state, which only Templates::transition may change.
struct TemplateFacts {
  LaunchId launch = 0;
  std::size_t pool = 0;  // index
  Generation generation = 0;
  Duration boot_timeout{};  // 0 = none
  TimePoint started{};
  Pid pid = 0;          // 0 until spawned
  int owed_signal = 0;  // to be sent as soon as it is spawned; 0 = none
  std::optional<TimePoint> ready_at;
  bool told = false;       // it was told to leave
  std::string boot_error;  // what it said about a failed import
  bool operator==(const TemplateFacts&) const = default;
};

struct TemplateRecord {
  TemplateFacts facts;
  TemplateState state = TemplateState::starting;
  bool operator==(const TemplateRecord&) const = default;
};

struct CohortRecord {
  Generation generation = 0;
  PoolConfig config;
  BackoffRecord backoff;
  std::string last_failure;
  bool operator==(const CohortRecord&) const = default;
};

struct PoolRecord {
  std::string name;
  int target = 0;
  std::vector<CohortRecord> cohorts;
  std::optional<Generation> kept;  // a roll-back would go back to it
  bool baking = false;
  bool operator==(const PoolRecord&) const = default;
};

struct JobRecord {
  JobView job;
  std::optional<TimePoint> finished;  // none: it runs
  bool operator==(const JobRecord&) const = default;
};

/// A pool's change of scale under way.
struct ScaleRecord {
  JobId job = 0;  // 0: none
  int target = 0;
  LaunchId first_launch = 0;
  int crashes = 0;
  bool operator==(const ScaleRecord&) const = default;
};

/// How many workers of a pool have ended so.
struct ExitRecord {
  std::size_t pool = 0;  // index
  ExitReason reason = ExitReason::drained;
  std::uint64_t count = 0;
  bool operator==(const ExitRecord&) const = default;
};

/// An order about one worker that is under way.
struct WorkerJobRecord {
  JobId job = 0;
  LaunchId worker = 0;
  LaunchId first_launch = 0;  // launches from this one on may take its place
  bool made_due = false;      // the worker was not due before
  bool operator==(const WorkerJobRecord&) const = default;
};

struct UpgradeRecord {
  JobId job = 0;  // 0: none
  bool executing = false;
  bool operator==(const UpgradeRecord&) const = default;
};

/// What the workers of one generation have done so far.
struct Conduct {
  std::uint64_t requests = 0;  // answered
  std::uint64_t errors = 0;    // answered with 5xx
  int crashes = 0;             // failed boots, too
  int timeouts = 0;
  Duration served{};  // by all of them together
  bool operator==(const Conduct&) const = default;
};

struct ConductRecord {
  Generation generation = 0;
  Conduct gone;  // of its workers that have exited
  bool operator==(const ConductRecord&) const = default;
};

/// A new generation's test; see bake.h.
struct BakeRecord {
  std::optional<TimePoint> until;  // none: nothing is on test
  std::vector<ConductRecord> conducts;
  std::string rolled_back;  // the last roll-back that nobody asked for, and why
  bool operator==(const BakeRecord&) const = default;
};

struct TimerRecord {
  TimerOwner owner{};
  TimePoint when{};
  bool operator==(const TimerRecord&) const = default;
};

struct Snapshot {
  Generation generation = 0;  // the current one
  Generation newest = 0;      // the last one that was given out
  LaunchId next_launch = 0;
  std::uint64_t random = 0;
  bool ever_ready = false;
  bool told_ready = false;      // the service manager knows that we are ready
  bool told_reloading = false;  // ... that we are reloading
  std::vector<PoolRecord> pools;
  std::uint64_t next_age = 0;
  std::vector<WorkerRecord> workers;      // in the order of their launches
  std::vector<TemplateRecord> templates;  // likewise
  JobId next_job = 0;
  std::vector<JobRecord> jobs;
  std::vector<JobCount> job_counts;
  std::vector<ExitRecord> exits;
  std::vector<ScaleRecord> scales;  // one for each pool
  std::vector<WorkerJobRecord> worker_jobs;
  UpgradeRecord upgrade;
  BakeRecord bake;
  Duration watchdog{};  // the service manager's limit (watchdog.h); 0: none
  std::vector<TimerRecord> timers;
  bool operator==(const Snapshot&) const = default;
};

/// What keeps `snapshot` from being restored, in one line; empty when it is sound. Whoever restores checks:
/// it may come from anywhere.
std::string wrong_with(const Snapshot& snapshot);

}  // namespace gserve::core
