// SPDX-License-Identifier: MIT
#include <algorithm>

#include "tests/unit/core/world.h"

/// What must always hold, checked after each event.
namespace gserve::core::testing {

/// Whether there must be a record of the end that this event tells of, or must not; nothing where the world
/// cannot know.
std::optional<bool> World::must_be_recorded(const Event& event) const {
  if (std::holds_alternative<WorkerSpawnFailed>(event)) return std::nullopt;
  const auto* exited = std::get_if<WorkerExited>(&event);
  if (exited == nullptr || exit_code) return false;
  if (const auto worker = workers.find(exited->launch); worker != workers.end())
    return must_be_recorded(worker->second, exited->status);
  if (const auto handle = templates.find(exited->launch); handle != templates.end())
    return must_be_recorded(handle->second, exited->status);
  return false;
}

std::optional<bool> World::must_be_recorded(const FakeWorker& worker, const ExitStatus& status) const {
  if (worker.put_down && !status.out_of_memory) return worker.timed_out;
  if (status.out_of_memory || worker.aborted) return true;
  const bool fell = !worker.killed && worker.was_ready && status != ExitStatus{};
  const bool cut_off = worker.killed && (worker.told || worker.stopping);
  if (quick_stops_ > 0 && (worker.told || worker.stopping) && (fell || cut_off)) return std::nullopt;
  if (worker.killed && !cut_off) return std::nullopt;
  if (worker.told) return fell || cut_off || worker.timed_out;
  if (worker.stopping && worker.was_ready) return fell || cut_off || worker.timed_out;
  return true;
}

std::optional<bool> World::must_be_recorded(const FakeTemplate& handle, const ExitStatus& status) const {
  if (handle.told) return false;
  if (handle.ending()) return std::nullopt;  // it may have been given up meanwhile
  return !handle.ready || status != ExitStatus{};
}

/// The manager hears from us in time, and nobody wakes up for one that does not listen.
void World::check_watchdog() {
  if (heard_ == TimePoint{} || exit_code) return;
  claim(watchdog > 0s, "a word to a manager that does not listen");
  claim(now - heard_ <= watchdog / 2, "the manager has not heard from us");
}

/// At most one record for each event, of exactly the process that ended.
void World::check_record(const Event& event, std::optional<bool> expected) {
  claim(recorded_.size() <= 1, "more than one record of an end");
  if (expected)
    claim(recorded_.size() == (*expected ? 1U : 0U), "an end without a record, or a record too many");
  if (recorded_.empty()) return;
  const RecordIncident& record = recorded_.front();
  const auto* exited = std::get_if<WorkerExited>(&event);
  const auto* unborn = std::get_if<WorkerSpawnFailed>(&event);
  const LaunchId launch = exited != nullptr ? exited->launch : unborn != nullptr ? unborn->launch : 0;
  claim(record.launch == launch, "a record of another process");
  claim(!record.reason.empty() && record.reason.find('\n') == std::string::npos,
        "the reason of a record is not one line");
  if (unborn != nullptr) claim(record.kind == IncidentKind::boot_failure, "who was never born fails to boot");
  if (exited != nullptr && exited->status.out_of_memory)
    claim(record.kind == IncidentKind::out_of_memory, "the kernel's kill has another name");
}

/// No more than target + surge workers that have not been told to leave; while a reload is under way the
/// greater one of both targets counts. A worker that is spawned late gets only the last signal: then the
/// status tells.
void World::check_crowd(const std::string& pool) {
  const StatusView status = supervisor.status();
  int most = trial_workers_[pool];
  if (status.kept) most = std::max(most, config_of(pool, *status.kept).workers);
  int surge = 0;
  for (const PoolView& view : status.pools) {
    if (view.name == pool && (most < view.target || status.state != SupervisorState::reloading))
      most = view.target;
  }
  for (const PoolConfig& config : configs.at(1).pools) {
    if (config.name == pool) surge = config.surge;
  }
  int present = 0;
  for (const WorkerView& view : status.workers) {
    const FakeWorker& worker = workers.at(view.launch);
    if (view.pool != pool || worker.told || worker.promoted || worker.resting || worker.put_down) continue;
    const bool sure = worker.spawned && !worker.late;
    if (sure || view.state < WorkerState::draining) ++present;
  }
  claim(present <= most + surge, "more than target + surge workers in pool " + pool);
}

/// Where all workers are of one generation, nobody is started beyond the target but one, and that only to
/// take the place of a worker that is due. (A reload runs its workers beside those that are there.)
void World::check_need(const std::string& pool) {
  const StatusView status = supervisor.status();
  int active = 0;
  int due = 0;
  for (const WorkerView& view : status.workers) {
    if (view.spare) continue;
    if (view.generation != status.generation) return;
    if (view.pool != pool || view.state > WorkerState::ready) continue;
    ++active;
    if (view.state == WorkerState::ready && !view.due.empty()) ++due;
  }
  const auto& pools = status.pools;
  const auto view = std::find_if(pools.begin(), pools.end(), [&](const auto& p) { return p.name == pool; });
  claim(active <= view->target + (due > 0 ? 1 : 0), "a worker too many is started in pool " + pool);
}

void World::check_capacity(const std::string& pool) {
  for (const PoolView& view : supervisor.status().pools) {
    if (view.name != pool) continue;
    claim(count_ready(pool) >= view.target,
          "the supervisor took ready workers below the target of pool " + pool);
  }
}

void World::check_timers(bool after_wake_up) {
  const auto deadline = supervisor.next_deadline();
  if (!deadline) return;
  claim(!exit_code, "a timer after the end");
  claim(*deadline > now || !after_wake_up, "the deadline stays after waking up");
  const StatusView seen = supervisor.status();
  if (watchdog > 0s || (seen.bakes_until && !stop_requested_)) return;
  const bool of_worker = std::any_of(workers.begin(), workers.end(), [&](const auto& entry) {
    const FakeWorker& worker = entry.second;
    const PoolConfig& config = config_of(worker);
    const bool watched = config.timeout > 0s || config.max_worker_memory > 0;
    return worker.ready ? watched || config.max_worker_lifetime > 0s : !worker.killed;
  });
  const bool of_template = std::any_of(templates.begin(), templates.end(), [](const auto& entry) {
    return !entry.second.ready || entry.second.ending();
  });
  if (of_worker || of_template || (stop_requested_ && !stopped_)) return;
  const StatusView status = supervisor.status();
  const auto lacks = [&](const PoolView& pool) {
    return pool.failures > 0 || count_ready(pool.name, status.generation) < pool.target;
  };
  const bool of_vacancy = std::any_of(status.pools.begin(), status.pools.end(), lacks) || lacks_template() ||
                          status.state == SupervisorState::reloading;
  const auto is_upgrade = [&](JobId job) { return supervisor.job(job)->kind == JobKind::upgrade; };
  const bool of_upgrade = std::any_of(jobs_running.begin(), jobs_running.end(), is_upgrade);
  claim((of_vacancy || of_upgrade) && !stopped_, "a timer that belongs to nobody");
}

bool World::lacks_template() const {
  const StatusView status = supervisor.status();
  return std::any_of(status.pools.begin(), status.pools.end(), [&](const PoolView& pool) {
    const auto own = [&](const auto& entry) {
      return entry.second.pool == pool.name && entry.second.generation == status.generation;
    };
    return config_of(pool.name, status.generation).preload &&
           std::none_of(templates.begin(), templates.end(), own);
  });
}

}  // namespace gserve::core::testing
