// SPDX-License-Identifier: MIT
#include "supervisor/core/scale.h"

#include <algorithm>

namespace gserve::core {

Scale::Scale(Workforce& workforce, JobTable& jobs, Outbox& outbox)
    : workforce_(workforce), jobs_(jobs), outbox_(outbox), running_(workforce.pools().size()) {}

WorkerPool* Scale::find_pool(const std::string& name) {
  auto& pools = workforce_.pools();
  if (name.empty()) return &pools.front();
  const auto named = [&](const WorkerPool& pool) { return pool.name() == name; };
  const auto found = std::find_if(pools.begin(), pools.end(), named);
  return found == pools.end() ? nullptr : &*found;
}

Scale::Running& Scale::running(const WorkerPool& pool) {
  return running_[static_cast<std::size_t>(&pool - workforce_.pools().data())];
}

void Scale::begin(const ScaleRequested& request, TimePoint now) {
  WorkerPool* pool = find_pool(request.pool);
  if (pool == nullptr)
    return jobs_.refuse(request.request, "cannot scale: no pool named \"" + request.pool + '"');
  const long long target = request.relative ? 0LL + pool->target() + request.count : request.count;
  if (target < 1 || target > kMost) {
    return jobs_.refuse(request.request, "cannot scale to " + std::to_string(target) +
                                             " workers: the number must be from 1 to " +
                                             std::to_string(kMost));
  }
  const JobId job = jobs_.open(JobKind::scale, request.request);
  Running& current = running(*pool);
  if (current.job != 0)
    finish(current, JobState::superseded, "superseded by job " + std::to_string(job), now);
  outbox_.log(LogLevel::info, workforce_.label(*pool) + "scale from " + std::to_string(pool->target()) +
                                  " to " + std::to_string(target) + " workers, requested by " + request.by);
  current = {job, static_cast<int>(target), workforce_.next_launch(), 0};
  pool->scale_to(current.target);
  workforce_.reconcile(*pool, now);
}

void Scale::on_boot_failure(std::size_t pool, LaunchId launch, const std::string& reason, TimePoint now) {
  Running& current = running_[pool];
  if (current.job == 0 || launch < current.first_launch) return;
  finish(current, JobState::failed, reason, now);
}

void Scale::on_crash(const WorkerHandle& worker, const std::string& reason, TimePoint now) {
  Running& current = running_[worker.pool];
  if (current.job == 0 || worker.launch < current.first_launch) return;
  if (++current.crashes > kToleratedCrashes) {
    finish(current, JobState::failed, "new workers keep crashing: " + reason, now);
  }
}

void Scale::advance(const WorkerPool& pool, TimePoint now) {
  Running& current = running(pool);
  if (current.job == 0) return;
  if (pool.target() != current.target && !pool.on_trial()) {
    return finish(current, JobState::superseded, "superseded by a reload to another number of workers", now);
  }
  if (pool.settled()) return finish(current, JobState::done, "", now);
  jobs_.progress(current.job,
                 std::to_string(pool.ready()) + "/" + std::to_string(current.target) + " workers ready");
}

void Scale::advance_all(TimePoint now) {
  for (const WorkerPool& pool : workforce_.pools()) advance(pool, now);
}

void Scale::cancel_all(const std::string& reason, TimePoint now) {
  for (Running& current : running_) {
    if (current.job != 0) finish(current, JobState::failed, reason, now);
  }
}

void Scale::finish(Running& running, JobState result, const std::string& reason, TimePoint now) {
  const JobId job = running.job;
  running = {};
  jobs_.finish(job, result, reason, now);
}

}  // namespace gserve::core
