// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/core/outbox.h"
#include "supervisor/core/timer_queue.h"

/// The service manager's watchdog: it restarts a supervisor that it has not heard from for `limit`. The core
/// speaks twice in that time, from its first event to its end: what keeps it from handling events keeps it from
/// speaking. Without a limit there is no timer.
namespace gserve::core {

class Watchdog {
 public:
  Watchdog(TimerQueue& timers, Outbox& outbox) : timers_(timers), outbox_(outbox) {}
  /// The timer is restored with the others.
  void restore(Duration limit) { limit_ = limit; }
  Duration limit() const { return limit_; }

  /// Zero: there is none, or none any more.
  void set(Duration limit, TimePoint now);
  void on_due(TimePoint now);

 private:
  TimerQueue& timers_;
  Outbox& outbox_;
  Duration limit_{};
};

}  // namespace gserve::core
