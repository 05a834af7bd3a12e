// SPDX-License-Identifier: MIT
#include "supervisor/core/request_watch.h"

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::watch};

/// How often an idle worker is looked at; 0: never.
Duration interval(Duration timeout, std::uint64_t max_memory) {
  if (timeout > Duration::zero()) return timeout;
  return max_memory > 0 ? RequestWatch::kMemoryInterval : Duration::zero();
}

}  // namespace

void RequestWatch::not_later_than(TimePoint when) {
  const auto armed = timers_.when(kTimer);
  if (!armed || when < *armed) timers_.arm(kTimer, when);
}

void RequestWatch::on_ready(const WorkerHandle& worker, TimePoint now) {
  const Duration every = interval(worker.timeout, worker.max_memory);
  if (every > Duration::zero()) not_later_than(now + every);
}

void RequestWatch::on_due(TimePoint now) {
  for (const WorkerPool& pool : workforce_.pools()) {
    for (const auto& [generation, cohort] : pool.cohorts()) {
      const PoolConfig& config = cohort.config;
      const Duration every = interval(config.timeout, config.max_worker_memory);
      if (every == Duration::zero() || (cohort.ready.empty() && cohort.spares.empty())) continue;
      const bool memory = config.max_worker_memory > 0;
      for (const LaunchId launch : cohort.ready) outbox_.push(SampleScoreboard{launch, memory});
      for (const LaunchId launch : cohort.spares) outbox_.push(SampleScoreboard{launch, memory});
      not_later_than(now + every);
    }
  }
}

RequestWatch::Finding RequestWatch::on_sample(const WorkerHandle& worker, const ScoreboardSampled& sample,
                                              TimePoint now) {
  if (worker.timeout == Duration::zero() || !sample.oldest_start) return Finding::fine;
  const TimePoint overdue = *sample.oldest_start + worker.timeout;
  if (overdue > now) {
    not_later_than(overdue);
    return Finding::fine;
  }
  const bool all = sample.youngest_start && *sample.youngest_start + worker.timeout <= now;
  return all || sample.in_flight <= 1 ? Finding::overdue : Finding::mixed;
}

void RequestWatch::look_again(const WorkerHandle& worker, TimePoint now) {
  timers_.arm({TimerOwner::Kind::look, worker.launch}, now + kLookInterval);
}

bool RequestWatch::outgrown(const WorkerHandle& worker, const ScoreboardSampled& sample) {
  return worker.max_memory > 0 && sample.rss_bytes > worker.max_memory;
}

void RequestWatch::on_gone() {
  if (timers_.when(kTimer) && workforce_.ready() == 0) timers_.disarm(kTimer);
}

void RequestWatch::close() {
  timers_.disarm(kTimer);
}

}  // namespace gserve::core
