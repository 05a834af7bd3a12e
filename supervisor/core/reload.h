// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/workforce.h"

/// A reload is a transaction. Its phases:
///
///   loading   the configuration is parsed and validated; nothing else has happened yet
///   canary    one worker of the new generation per pool, beside the current ones
///   rolling   every canary was READY: the rest follows, each new worker READY before an old one drains
///   draining  the whole new generation is READY and is the current one from now on; the old ones end what
///   they do
///
/// Up to the end of `rolling` a worker of the new generation that fails before it was READY rolls everything
/// back, so does more than kToleratedCrashes deaths of ones that had been READY: the old generation is the
/// wanted one again, what it lacks is started, and workers of the new one drain as those become READY. The
/// job ends at once as failed; pools find back by themselves. A second reload supersedes the first: rolled
/// back, unless it is already draining, then it is done.
///
/// The target of a pool is the supervisor's own state: what an operator has scaled survives a reload. Only
/// when the configured number itself differs between the current and the new configuration, the new number
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
  /// The current generation: the last one that was committed.
  Generation generation() const { return current_; }
  /// True for workers of a generation on trial: their failure is the reload's, not the service's.
  bool tries(Generation generation) const;

  void begin(const ReloadRequested& request, TimePoint now);
  void on_loaded(const ConfigLoaded& event, TimePoint now);
  void on_rejected(const ConfigRejected& event, TimePoint now);
  /// A worker on trial ended before it was ready, and why.
  void on_boot_failure(const std::string& reason, TimePoint now);
  /// A worker on trial that had been ready died by itself.
  void on_crash(const std::string& reason, TimePoint now);
  /// Something has changed among the workers: goes on as far as possible.
  void advance(TimePoint now);
  /// Ends it for a reason from outside.
  void cancel(JobState result, const std::string& reason, TimePoint now);

 private:
  enum class Phase { none, loading, canary, rolling, draining };

  std::string misfit(const SupervisorConfig& config) const;
  void start_canaries(const SupervisorConfig& config, TimePoint now);
  void commit(TimePoint now);
  void roll_back(TimePoint now);
  void fail(const std::string& reason, TimePoint now);
  void finish(JobState result, const std::string& reason, TimePoint now);
  void report();

  Workforce& workforce_;
  JobTable& jobs_;
  Outbox& outbox_;
  Phase phase_ = Phase::none;
  JobId job_ = 0;
  Generation current_ = 1;
  Generation newest_ = 1;  // the last one that was given out
  int crashes_ = 0;
  Duration boot_limit_{};  // the longest of the generation on trial
};

}  // namespace gserve::core
