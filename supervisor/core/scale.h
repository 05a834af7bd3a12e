// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/workforce.h"

namespace gserve::core {

/// Changes of a pool's target by an operator. The target holds from then on, over reloads too (reload.h). The
/// job is done when that many workers are ready and the surplus has gone, and failed when a worker started
/// since then could not boot or several of them have crashed: the command then says why, the target stays and
/// back-off goes on trying. A later change of the same pool's target supersedes it.
class Scale {
 public:
  static constexpr int kMost = 10000;  // workers of one pool
  static constexpr int kToleratedCrashes = 2;

  Scale(Workforce& workforce, JobTable& jobs, Outbox& outbox);

  /// One record for each pool.
  void restore(const std::vector<ScaleRecord>& records) { running_ = records; }
  const std::vector<ScaleRecord>& records() const { return running_; }

  void begin(const ScaleRequested& request, TimePoint now);
  /// A worker or template of that pool could not boot.
  void on_boot_failure(std::size_t pool, LaunchId launch, const std::string& reason, TimePoint now);
  void on_crash(const WorkerHandle& worker, const std::string& reason, TimePoint now);
  /// Something has changed among the workers.
  void advance_all(TimePoint now);
  /// Ends all scale jobs as failed.
  void cancel_all(const std::string& reason, TimePoint now);

 private:
  using Running = ScaleRecord;

  void advance(const WorkerPool& pool, TimePoint now);
  WorkerPool* find_pool(const std::string& name);
  Running& running(const WorkerPool& pool);
  void finish(Running& running, JobState result, const std::string& reason, TimePoint now);

  Workforce& workforce_;
  JobTable& jobs_;
  Outbox& outbox_;
  std::vector<Running> running_;  // by pool
};

}  // namespace gserve::core
