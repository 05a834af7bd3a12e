// SPDX-License-Identifier: MIT
#include "supervisor/core/request_watch.h"

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::watch};

}  // namespace

void RequestWatch::not_later_than(TimePoint when) {
  const auto armed = timers_.when(kTimer);
  if (!armed || when < *armed) timers_.arm(kTimer, when);
}

void RequestWatch::on_ready(const WorkerHandle& worker, TimePoint now) {
  if (worker.timeout > Duration::zero()) not_later_than(now + worker.timeout);
}

void RequestWatch::on_due(TimePoint now) {
  for (const WorkerPool& pool : workforce_.pools()) {
    for (const auto& [generation, cohort] : pool.cohorts()) {
      if (cohort.config.timeout == Duration::zero() || cohort.ready.empty()) continue;
      for (const LaunchId launch : cohort.ready) outbox_.push(SampleScoreboard{launch});
      not_later_than(now + cohort.config.timeout);
    }
  }
}

bool RequestWatch::on_sample(const WorkerHandle& worker, const ScoreboardSampled& sample, TimePoint now) {
  if (worker.timeout == Duration::zero() || !sample.oldest_start) return false;
  const TimePoint overdue = *sample.oldest_start + worker.timeout;
  if (overdue <= now) return true;
  not_later_than(overdue);
  return false;
}

void RequestWatch::on_gone() {
  if (timers_.when(kTimer) && workforce_.ready() == 0) timers_.disarm(kTimer);
}

void RequestWatch::close() {
  timers_.disarm(kTimer);
}

}  // namespace gserve::core
