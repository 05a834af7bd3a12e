// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/workforce.h"

/// One generation takes another one's place, in a transaction. Four kinds of jobs do that:
///
///   reload    to a new version of configuration and code
///   rollback  back to the version that the last reload has replaced, with its settings
///   refork    to the same version in other processes: with preload, a worker that has served for a while
///             becomes the template, so that what it has warmed up is shared, too
///   restart   to the same settings in fresh processes, which load the code as it is now; what a roll-back would go
///             back to stays, and nothing is put on test
///
/// The phases:
///
///   loading   reload: the configuration is parsed and validated; nothing else has happened yet
///   warming   refork: the oldest worker of each pool is replaced by a fresh one first, then it drains and
///             becomes the template
///   canary    one worker of the next generation per pool, beside the current ones
///   rolling   every canary was READY: the rest follows, each new worker READY before an old one drains
///   draining  the whole next generation is READY and is the current one from now on; the old ones end what
///             they do
///
/// Up to the end of `rolling` a worker of the next generation that fails before it was READY takes everything
/// back, so does more than kToleratedCrashes deaths of ones that had been READY: the old generation is the
/// wanted one again, what it lacks is started, and workers of the next one drain as those become READY. The
/// job ends at once as failed; pools find back by themselves. A reload supersedes what is under way: it is
/// taken back, unless it is already draining, then it is done. A roll-back that is asked for during a reload
/// gives that up; once the reload is draining, its job fails, for what it has deployed is taken back. A
/// refork or restart can wait: it is refused while anything else is undecided.
///
/// The target of a pool is the supervisor's own state: what an operator has scaled survives a reload. Only
/// when the configured number itself differs between the current and the next configuration, the next number
/// counts.
namespace gserve::core {

class Reload {
 public:
  static constexpr int kToleratedCrashes = 2;

  Reload(Workforce& workforce, JobTable& jobs, Outbox& outbox)
      : workforce_(workforce), jobs_(jobs), outbox_(outbox) {}

  /// No reload runs; the current generation and the last one that was given out.
  void restore(Generation current, Generation newest) {
    current_ = current;
    newest_ = newest;
  }
  Generation newest() const { return newest_; }

  bool running() const { return phase_ != Phase::none; }
  /// The next generation is not the current one yet: all may still be taken back.
  bool undecided() const { return running() && phase_ != Phase::draining; }
  /// The current generation: the last one that was committed.
  Generation generation() const { return current_; }
  /// True for workers of a generation on trial: their failure is the reload's, not the service's.
  bool tries(Generation generation) const;

  void begin(const ReloadRequested& request, TimePoint now);
  void begin(const ReforkRequested& request, TimePoint now);
  void begin(const RestartRequested& request, TimePoint now);
  /// `why`: of a roll-back that nobody asked for, in one line; else empty.
  void begin(const RollbackRequested& request, const std::string& why, TimePoint now);
  void on_loaded(const ConfigLoaded& event, TimePoint now);
  void on_rejected(const ConfigRejected& event, TimePoint now);
  /// True for a template that waits for those of other pools: nobody would replace it.
  bool warms(Generation generation) const { return phase_ == Phase::warming && generation == next_; }
  /// A worker that was told to become a template says that it is one.
  void on_promoted(WorkerHandle& worker, TimePoint now);
  /// A worker has gone that was chosen to become a template, or has become one.
  void on_chosen_gone(const std::string& reason, TimePoint now);
  /// A worker or template of the current generation could not boot.
  void on_replacement_failure(const std::string& reason, TimePoint now);
  /// A worker on trial ended before it was ready, and why.
  void on_boot_failure(const std::string& reason, TimePoint now);
  /// A worker on trial that had been ready died by itself.
  void on_crash(const std::string& reason, TimePoint now);
  /// Something has changed among the workers: goes on as far as possible.
  void advance(TimePoint now);
  /// Ends it for a reason from outside.
  void cancel(JobState result, const std::string& reason, TimePoint now);

 private:
  enum class Phase { none, loading, warming, canary, rolling, draining };

  void open(JobKind kind, RequestId request, const std::string& by);
  std::string misfit(const SupervisorConfig& config) const;
  void start_canaries(TimePoint now);
  bool warm() const;
  Successor successor() const;
  void commit(TimePoint now);
  void take_back(TimePoint now);
  void fail(const std::string& reason, TimePoint now);
  void finish(JobState result, const std::string& reason, TimePoint now);
  void report();

  Workforce& workforce_;
  JobTable& jobs_;
  Outbox& outbox_;
  Phase phase_ = Phase::none;
  JobKind kind_ = JobKind::reload;
  JobId job_ = 0;
  Generation current_ = 1;
  Generation newest_ = 1;  // the last one that was given out
  Generation next_ = 1;    // the one on trial
  int crashes_ = 0;
  Duration boot_limit_{};  // the longest of the generation on trial
};

}  // namespace gserve::core
