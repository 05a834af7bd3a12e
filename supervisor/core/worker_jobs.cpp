// SPDX-License-Identifier: MIT
#include "supervisor/core/worker_jobs.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "supervisor/core/names.h"

namespace gserve::core {
namespace {

constexpr char kRestart[] = "cannot restart worker ";
constexpr char kKill[] = "cannot kill worker ";

}  // namespace

WorkerHandle* WorkerJobs::find(RequestId request, const std::string& what, Pid pid) {
  const std::string who = what + std::to_string(pid) + ": ";
  for (const auto& [launch, handle] : workforce_.templates().all()) {
    if (pid > 0 && handle.pid == pid) {
      jobs_.refuse(request, who + "it is the template of pool " + workforce_.pools()[handle.pool].name() +
                                ", a restart of the service replaces it");
      return nullptr;
    }
  }
  for (WorkerHandle* worker : workforce_.in_order()) {
    if (pid > 0 && worker->pid == pid) return worker;
  }
  jobs_.refuse(request, who + "no worker has this pid");
  return nullptr;
}

bool WorkerJobs::may_restart(const WorkerHandle& worker, RequestId request) {
  const std::string who = kRestart + std::to_string(worker.pid) + ": ";
  if (worker.state() != WorkerState::ready) {
    jobs_.refuse(request,
                 who + "it is " + name_of(worker.state()) + ", only one that is ready can be replaced");
  } else if (worker.resting) {
    jobs_.refuse(request, who + "it is a spare and serves nobody");
  } else if (worker.chosen) {
    jobs_.refuse(request, who + "it is about to become the template");
  } else {
    return true;
  }
  return false;
}

WorkerHandle* WorkerJobs::begin(const WorkerRestartRequested& request) {
  WorkerHandle* worker = find(request.request, kRestart, request.pid);
  if (worker == nullptr || !may_restart(*worker, request.request)) return nullptr;
  const JobId job = jobs_.open(JobKind::worker_restart, request.request);
  const bool news = worker->due.empty();
  running_.push_back({job, worker->launch, workforce_.next_launch(), news});
  outbox_.log(LogLevel::info, workforce_.label(*worker) + "restart of worker requested by " + request.by,
              *worker);
  jobs_.progress(job, "a fresh worker is to take the place of worker " + std::to_string(worker->pid));
  return news ? worker : nullptr;
}

WorkerHandle* WorkerJobs::begin(const WorkerKillRequested& request, TimePoint now) {
  WorkerHandle* worker = find(request.request, kKill, request.pid);
  if (worker == nullptr) return nullptr;
  const JobId job = jobs_.open(JobKind::worker_kill, request.request);
  running_.push_back({job, worker->launch, workforce_.next_launch(), false});
  outbox_.log(LogLevel::warning, workforce_.label(*worker) + "kill of worker requested by " + request.by,
              *worker);
  if (worker->state() > WorkerState::draining) return nullptr;
  workforce_.put_down(*worker, now);
  return worker;
}

void WorkerJobs::on_boot_failure(std::size_t pool, LaunchId launch, const std::string& reason,
                                 TimePoint now) {
  const auto concerned = [&](const WorkerJobRecord& record) {
    const WorkerHandle* worker = workforce_.find(record.worker);
    const bool waits = worker != nullptr && worker->pool == pool && worker->state() == WorkerState::ready;
    return waits && launch >= record.first_launch;
  };
  const auto first = std::stable_partition(running_.begin(), running_.end(), std::not_fn(concerned));
  const std::vector<WorkerJobRecord> failed(first, running_.end());
  running_.erase(first, running_.end());
  for (const WorkerJobRecord& record : failed) fail(record, reason, now);
}

/// The worker is due no more, unless somebody else wants it replaced, too; then that job has made it so.
void WorkerJobs::fail(const WorkerJobRecord& record, const std::string& reason, TimePoint now) {
  WorkerHandle& worker = *workforce_.find(record.worker);
  const auto heir = std::find_if(running_.begin(), running_.end(),
                                 [&](const WorkerJobRecord& other) { return other.worker == record.worker; });
  if (heir != running_.end()) {
    heir->made_due = heir->made_due || record.made_due;
  } else if (record.made_due && worker.due == "restart") {
    workforce_.set_due(worker, "");
  }
  outbox_.log(LogLevel::error, workforce_.label(worker) + "worker is not restarted and goes on", worker);
  jobs_.finish(record.job, JobState::failed, "nobody could take its place: " + reason, now);
}

void WorkerJobs::on_gone(LaunchId worker, TimePoint now) {
  std::erase_if(running_, [&](const WorkerJobRecord& record) {
    if (record.worker != worker) return false;
    jobs_.finish(record.job, JobState::done, "", now);
    return true;
  });
}

void WorkerJobs::advance() {
  for (const WorkerJobRecord& record : running_) {
    const WorkerHandle* worker = workforce_.find(record.worker);
    if (worker == nullptr || worker->state() != WorkerState::draining) continue;
    jobs_.progress(record.job, "worker " + std::to_string(worker->pid) + " drains");
  }
}

void WorkerJobs::cancel_all(const std::string& reason, TimePoint now) {
  for (const WorkerJobRecord& record : std::exchange(running_, {})) {
    jobs_.finish(record.job, JobState::failed, reason, now);
  }
}

}  // namespace gserve::core
