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

/// An operator's orders about single workers, which are named by their pids.
///
///   restart  the worker is due for replacement (worker_pool.h): a fresh one is ready before it drains. The job
///            is done when it has exited, and failed when what was to take its place could not boot; then it
///            goes on as if nothing had been asked.
///   kill     the worker is aborted: it leaves its stacks and dies, what it was running is lost. Its place is
///            taken at once. That is no failure of its own: back-off and tests of a generation do not count
///            it. The job is done when it has exited.
///
/// During a reload a restart waits for its end; whom the reload replaces has been restarted, too.
class WorkerJobs {
 public:
  WorkerJobs(Workforce& workforce, JobTable& jobs, Outbox& outbox)
      : workforce_(workforce), jobs_(jobs), outbox_(outbox) {}

  void restore(const std::vector<WorkerJobRecord>& records) { running_ = records; }
  const std::vector<WorkerJobRecord>& records() const { return running_; }

  /// The worker that is to become due ("restart"); null: the request was refused, or it is due already.
  WorkerHandle* begin(const WorkerRestartRequested& request);
  /// The worker that was aborted; null: the request was refused, or it is dying already.
  WorkerHandle* begin(const WorkerKillRequested& request, TimePoint now);
  /// A worker or template of that pool could not boot.
  void on_boot_failure(std::size_t pool, LaunchId launch, const std::string& reason, TimePoint now);
  /// It has exited, or is a worker no more.
  void on_gone(LaunchId worker, TimePoint now);
  /// Something has changed among the workers.
  void advance();
  /// Ends all of them as failed.
  void cancel_all(const std::string& reason, TimePoint now);

 private:
  WorkerHandle* find(RequestId request, const std::string& what, Pid pid);
  bool may_restart(const WorkerHandle& worker, RequestId request);
  void fail(const WorkerJobRecord& record, const std::string& reason, TimePoint now);

  Workforce& workforce_;
  JobTable& jobs_;
  Outbox& outbox_;
  std::vector<WorkerJobRecord> running_;
};

}  // namespace gserve::core
