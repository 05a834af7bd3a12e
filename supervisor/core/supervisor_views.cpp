// SPDX-License-Identifier: MIT
#include <algorithm>

#include "supervisor/core/supervisor_impl.h"

namespace gserve::core {

SupervisorState Supervisor::Impl::state() const {
  if (shutdown_.running()) return SupervisorState::stopping;
  if (reload_.running()) return SupervisorState::reloading;
  return ever_ready_ ? SupervisorState::running : SupervisorState::starting;
}

Supervisor::Impl::Standing Supervisor::Impl::standing() const {
  if (shutdown_.running()) return {true, workforce_.size(), 0, 0, 0, false};
  const auto& pools = workforce_.pools();
  const bool looping = std::any_of(pools.begin(), pools.end(),
                                   [](const WorkerPool& pool) { return pool.current().backoff.looping(); });
  return {false, 0, workforce_.ready(), workforce_.target(), reload_.generation(), looping};
}

std::string Supervisor::Impl::Standing::text() const {
  if (stopping) return "stopping, " + std::to_string(left) + " workers left";
  return std::to_string(ready) + "/" + std::to_string(target) + " workers ready, generation " +
         std::to_string(generation) + (looping ? ", crash-looping" : "");
}

void Supervisor::Impl::tell_manager() {
  const Standing standing_now = standing();
  const bool reload_over = told_reloading_ && !reload_.running() && !upgrade_.executing();
  if (!shutdown_.running() && ever_ready_ && (!told_ready_ || reload_over)) {
    outbox_.push(NotifyReady{standing_now.text()});
    told_ready_ = true;
    told_reloading_ = false;
  } else if (standing_now != told_standing_) {
    outbox_.push(NotifyStatus{standing_now.text()});
  }
  told_standing_ = standing_now;
}

StatusView Supervisor::Impl::status() const {
  StatusView view{state(),
                  reload_.generation(),
                  workforce_.target(),
                  workforce_.ready(),
                  {},
                  {},
                  {},
                  workforce_.pools().front().kept(),
                  bake_.until(),
                  workforce_.workers_started(),
                  bake_.rolled_back(),
                  jobs_.counts()};
  for (const WorkerHandle* worker : workforce_.in_order()) {
    view.workers.push_back({worker->launch, worker->pid, workforce_.pools()[worker->pool].name(),
                            worker->state(), worker->generation, worker->started, worker->due,
                            worker->resting});
  }
  std::size_t index = 0;
  for (const WorkerPool& pool : workforce_.pools()) {
    const Cohort& current = pool.current();
    view.pools.push_back({pool.name(), pool.target(), pool.ready(), current.backoff.looping(),
                          current.backoff.failures(), current.last_failure, workforce_.next_start(pool),
                          exits_[index++]});
  }
  for (const auto& [launch, handle] : workforce_.templates().all()) {
    view.templates.push_back({launch, handle.pid, workforce_.pools()[handle.pool].name(), handle.state(),
                              handle.generation, handle.started});
  }
  return view;
}

std::vector<ExitRecord> Supervisor::Impl::exit_records() const {
  std::vector<ExitRecord> records;
  for (std::size_t pool = 0; pool < exits_.size(); ++pool) {
    for (std::size_t reason = 0; reason < kExitReasons; ++reason) {
      const std::uint64_t count = exits_[pool][reason];
      if (count > 0) records.push_back({pool, static_cast<ExitReason>(reason), count});
    }
  }
  return records;
}

std::optional<Snapshot> Supervisor::Impl::snapshot() const {
  if (shutdown_.running() || reload_.running()) return std::nullopt;
  Snapshot snapshot;
  snapshot.generation = reload_.generation();
  snapshot.newest = reload_.newest();
  workforce_.fill_in(snapshot);
  snapshot.ever_ready = ever_ready_;
  snapshot.told_ready = told_ready_;
  snapshot.told_reloading = told_reloading_;
  snapshot.next_job = jobs_.next();
  snapshot.jobs = jobs_.records();
  snapshot.job_counts = jobs_.counts();
  snapshot.exits = exit_records();
  snapshot.scales = scale_.records();
  snapshot.worker_jobs = worker_jobs_.records();
  snapshot.upgrade = upgrade_.record();
  snapshot.bake = bake_.record();
  snapshot.watchdog = watchdog_.limit();
  for (const auto& [when, owner] : timers_.all()) snapshot.timers.push_back({owner, when});
  return snapshot;
}

void Supervisor::Impl::restore(const Snapshot& snapshot) {
  reload_.restore(snapshot.generation, snapshot.newest);
  ever_ready_ = snapshot.ever_ready;
  told_ready_ = snapshot.told_ready;
  told_reloading_ = snapshot.told_reloading;
  jobs_.restore(snapshot.next_job, snapshot.jobs);
  jobs_.restore_counts(snapshot.job_counts);
  for (const ExitRecord& exit : snapshot.exits)
    exits_[exit.pool][static_cast<std::size_t>(exit.reason)] = exit.count;
  scale_.restore(snapshot.scales);
  worker_jobs_.restore(snapshot.worker_jobs);
  upgrade_.restore(snapshot.upgrade);
  bake_.restore(snapshot.bake);
  watchdog_.restore(snapshot.watchdog);
  for (const TimerRecord& timer : snapshot.timers) timers_.arm(timer.owner, timer.when);
  told_standing_ = standing();  // the manager is told of every change
}

}  // namespace gserve::core
