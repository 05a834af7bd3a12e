// SPDX-License-Identifier: MIT
#include "supervisor/core/workforce.h"

#include <algorithm>
#include <cassert>
#include <csignal>

namespace gserve::core {
namespace {

using Kind = TimerOwner::Kind;

TimerOwner timer_of(const WorkerHandle& worker) {
  return {Kind::worker, worker.launch};
}

[[maybe_unused]] bool may_follow(WorkerState next, WorkerState state) {
  return next > state || (next == WorkerState::draining && state == WorkerState::draining);
}

}  // namespace

Workforce::Workforce(const SupervisorConfig& config, Generation generation, std::uint64_t seed,
                     TimerQueue& timers, Outbox& outbox)
    : timers_(timers), outbox_(outbox), random_(seed) {
  for (const PoolConfig& pool : config.pools) pools_.emplace_back(pool, generation);
}

Workforce::Workforce(const Snapshot& snapshot, TimerQueue& timers, Outbox& outbox)
    : timers_(timers),
      outbox_(outbox),
      random_(snapshot.random),
      next_launch_(snapshot.next_launch),
      next_age_(snapshot.next_age) {
  for (const PoolRecord& pool : snapshot.pools) pools_.emplace_back(pool, snapshot.generation);
  for (const WorkerRecord& record : snapshot.workers) {
    const WorkerHandle& worker = workers_.try_emplace(record.facts.launch, record).first->second;
    pools_[worker.pool].count(worker);
  }
  templates_.restore(snapshot.templates);
}

void Workforce::fill_in(Snapshot& snapshot) const {
  snapshot.random = random_.seed();
  snapshot.next_launch = next_launch_;
  snapshot.next_age = next_age_;
  for (const WorkerPool& pool : pools_) snapshot.pools.push_back(pool.record());
  for (const WorkerHandle* worker : in_order()) snapshot.workers.push_back(worker->record());
  snapshot.templates = templates_.records();
}

WorkerHandle* Workforce::find(LaunchId launch) {
  const auto found = workers_.find(launch);
  return found == workers_.end() ? nullptr : &found->second;
}

int Workforce::ready() const {
  int count = 0;
  for (const WorkerPool& pool : pools_) count += pool.ready();
  return count;
}

int Workforce::target() const {
  int count = 0;
  for (const WorkerPool& pool : pools_) count += pool.target();
  return count;
}

std::vector<WorkerHandle*> Workforce::in_order() {
  std::vector<WorkerHandle*> all;
  all.reserve(workers_.size());
  for (auto& [launch, worker] : workers_) all.push_back(&worker);
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->launch < b->launch; });
  return all;
}

std::vector<const WorkerHandle*> Workforce::in_order() const {
  std::vector<const WorkerHandle*> all;
  all.reserve(workers_.size());
  for (const auto& [launch, worker] : workers_) all.push_back(&worker);
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->launch < b->launch; });
  return all;
}

void Workforce::reconcile(WorkerPool& pool, TimePoint now) {
  if (closed_) return;
  while (const auto launch = pool.recalled()) serve(workers_.at(*launch), now);
  while (const auto launch = pool.relieved()) relieve(workers_.at(*launch), now);
  while (const auto launch = pool.surplus()) {
    WorkerHandle& worker = workers_.at(*launch);
    pool.keeps_as_spare(worker) ? rest(worker) : dismiss(worker, now);
  }
  while (const auto launch = pool.dismissed()) dismiss(workers_.at(*launch), now);
  while (const auto generation = pool.template_vacancy(now)) {
    templates_.start(next_launch_++, pool, *generation, now);
  }
  while (const auto generation = pool.vacancy(now)) spawn(pool, *generation, now);
  const TimerOwner owner{Kind::pool, index(pool)};
  const auto wake = pool.wake_at(now);
  wake ? timers_.arm(owner, *wake) : timers_.disarm(owner);
  await_calm(pool);
}

void Workforce::reconcile_all(TimePoint now) {
  for (WorkerPool& pool : pools_) reconcile(pool, now);
}

void Workforce::close() {
  closed_ = true;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    timers_.disarm({Kind::pool, i});
    timers_.disarm({Kind::calm, i});
  }
}

void Workforce::spawn(WorkerPool& pool, Generation generation, TimePoint now) {
  const LaunchId launch = next_launch_++;
  const PoolConfig& config = pool.cohort(generation).config;
  WorkerHandle& worker =
      workers_.try_emplace(launch, launch, index(pool), generation, config, now).first->second;
  pool.count(worker);
  if (const auto limit = worker.limit()) timers_.arm(timer_of(worker), now + *limit);
  worker.from = pool.cohort(generation).source;
  outbox_.push(Spawn{launch, pool.name(), generation, next_age_++, worker.from});
}

template <typename Change>
void Workforce::change_claim(WorkerHandle& worker, Change change) {
  WorkerPool& pool = pools_[worker.pool];
  pool.discount(worker);
  change();
  pool.count(worker);
}

void Workforce::transition(WorkerHandle& worker, WorkerState next, TimePoint now) {
  assert(may_follow(next, worker.state_));
  timers_.disarm(timer_of(worker));
  if (next > WorkerState::draining) timers_.disarm({Kind::look, worker.launch});
  change_claim(worker, [&] { worker.state_ = next; });
  if (const auto limit = worker.limit()) timers_.arm(timer_of(worker), now + *limit);
}

void Workforce::signal(WorkerHandle& worker, int number) {
  if (worker.pid == 0) {
    worker.owed_signal = number;
  } else {
    outbox_.push(SignalWorker{worker.launch, number});
  }
}

void Workforce::on_spawned(WorkerHandle& worker, Pid pid) {
  worker.pid = pid;
  outbox_.log(LogLevel::info, label(worker) + "worker started", worker);
  if (worker.owed_signal != 0) signal(worker, worker.owed_signal);
  worker.owed_signal = 0;
}

void Workforce::on_ready(WorkerHandle& worker, TimePoint now) {
  worker.ready_at = now;
  transition(worker, WorkerState::ready, now);
  pools_[worker.pool].cohort(worker.generation).backoff.on_ready(now);
}

void Workforce::set_due(WorkerHandle& worker, const std::string& reason) {
  change_claim(worker, [&] { worker.due = reason; });
}

void Workforce::relieve(WorkerHandle& worker, TimePoint now) {
  const char* what = worker.chosen ? "); told to become a template" : "); told to drain";
  outbox_.log(LogLevel::info, label(worker) + "worker replaced (" + worker.due + what, worker);
  worker.replaced = true;
  if (!worker.chosen) return retire(worker, SIGTERM, worker.graceful_timeout, now);
  leave(worker, worker.graceful_timeout, now);
  outbox_.push(Promote{worker.launch});
}

void Workforce::dismiss(WorkerHandle& worker, TimePoint now) {
  outbox_.log(LogLevel::info, label(worker) + "worker told to drain", worker);
  retire(worker, SIGTERM, worker.graceful_timeout, now);
}

void Workforce::rest(WorkerHandle& worker) {
  outbox_.log(LogLevel::info, label(worker) + "worker rests: a spare for a roll-back", worker);
  timers_.disarm(timer_of(worker));
  change_claim(worker, [&] { worker.resting = true; });
  outbox_.push(Rest{worker.launch});
}

void Workforce::serve(WorkerHandle& worker, TimePoint now) {
  outbox_.log(LogLevel::info, label(worker) + "worker serves again", worker);
  change_claim(worker, [&] { worker.resting = false; });
  if (const auto limit = worker.limit()) timers_.arm(timer_of(worker), now + *limit);
  outbox_.push(Serve{worker.launch});
}

void Workforce::choose(WorkerHandle& worker) {
  worker.chosen = true;
  if (worker.due.empty()) set_due(worker, "refork");
}

void Workforce::pass_over(WorkerHandle& worker) {
  worker.chosen = false;
  if (worker.state() == WorkerState::ready && worker.due == "refork") return set_due(worker, "");
  if (worker.state() == WorkerState::draining) signal(worker, SIGTERM);
}

void Workforce::become_template(WorkerHandle& worker, Generation generation, TimePoint now) {
  templates_.adopt(take(worker), generation, now);
}

void Workforce::on_leaving(WorkerHandle& worker, TimePoint now) {
  change_claim(worker, [&] { (worker.resting ? worker.retired : worker.leaving) = true; });
  transition(worker, WorkerState::draining, now);
}

void Workforce::retire(WorkerHandle& worker, int signal_number, Duration limit, TimePoint now) {
  leave(worker, limit, now);
  signal(worker, signal_number);
}

void Workforce::leave(WorkerHandle& worker, Duration limit, TimePoint now) {
  change_claim(worker, [&] { worker.retired = true; });
  worker.drain_limit = limit;
  transition(worker, WorkerState::draining, now);
}

void Workforce::abort(WorkerHandle& worker, TimePoint now) {
  transition(worker, WorkerState::aborting, now);
  signal(worker, SIGABRT);
}

void Workforce::kill(WorkerHandle& worker, TimePoint now) {
  transition(worker, WorkerState::killing, now);
  signal(worker, SIGKILL);
}

void Workforce::put_down(WorkerHandle& worker, TimePoint now) {
  change_claim(worker, [&] { worker.retired = true; });
  abort(worker, now);
}

Duration Workforce::blame(WorkerHandle& worker, Backoff::Failure failure, const std::string& why,
                          TimePoint now) {
  Cohort& cohort = pools_[worker.pool].cohort(worker.generation);
  if (!worker.blamed && cohort.fail(failure, worker.served(now), why, now, random_)) {
    outbox_.log(LogLevel::error, label(worker) + kCrashLoop);
  }
  worker.blamed = true;
  return cohort.delay(now);
}

void Workforce::await_calm(const WorkerPool& pool) {
  const TimerOwner owner{Kind::calm, index(pool)};
  const auto calm = pool.current().backoff.calm_at();
  calm ? timers_.arm(owner, *calm) : timers_.disarm(owner);
}

void Workforce::forgive(WorkerPool& pool) {
  Backoff& backoff = pool.current().backoff;
  if (backoff.looping()) {
    outbox_.log(LogLevel::info,
                label(pool) + "workers are stable again: none has failed for " + describe(Backoff::kCalm));
  }
  backoff.forgive();
}

std::optional<TimePoint> Workforce::next_start(const WorkerPool& pool) const {
  return timers_.when({Kind::pool, index(pool)});
}

WorkerHandle Workforce::take(WorkerHandle& worker) {
  timers_.disarm(timer_of(worker));
  timers_.disarm({Kind::look, worker.launch});
  pools_[worker.pool].discount(worker);
  auto node = workers_.extract(worker.launch);
  return std::move(node.mapped());
}

void Workforce::end_bake(TimePoint now) {
  if (std::none_of(pools_.begin(), pools_.end(), [](const WorkerPool& pool) { return pool.baking(); }))
    return;
  for (WorkerPool& pool : pools_) pool.end_bake();
  reconcile_all(now);
  templates_.end_unneeded(now);
}

void Workforce::forget_if_unused(Generation generation, TimePoint now) {
  bool dropped = false;
  for (WorkerPool& pool : pools_) dropped = pool.drop_if_unused(generation) || dropped;
  templates_.end_unneeded(now);
  if (!dropped) return;
  const auto knows = [&](const WorkerPool& pool) { return pool.knows(generation); };
  if (std::none_of(pools_.begin(), pools_.end(), knows)) outbox_.push(ForgetGeneration{generation});
}

}  // namespace gserve::core
