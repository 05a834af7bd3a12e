// SPDX-License-Identifier: MIT
#include "supervisor/core/watchdog.h"

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::watchdog};

}  // namespace

void Watchdog::set(Duration limit, TimePoint now) {
  limit_ = limit;
  timers_.disarm(kTimer);
  if (limit_ > Duration::zero()) on_due(now);
}

void Watchdog::on_due(TimePoint now) {
  outbox_.push(NotifyWatchdog{});
  timers_.arm(kTimer, now + limit_ / 2);
}

}  // namespace gserve::core
