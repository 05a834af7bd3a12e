// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "supervisor/core/types.h"

namespace gserve::core {

/// Whom a timer belongs to. An owner has at most one timer at a time.
struct TimerOwner {
  enum class Kind : std::uint8_t {
    worker,            // the limit of its state
    pool,              // back-off lets its next worker start
    calm,              // of a pool: what failed is forgiven
    template_process,  // the limit of its state
    watch,             // the scoreboards are looked at
    look,              // of a worker that has an overdue request among others: its scoreboard is looked at
    upgrade,           // the limit of the check
    stop,              // an announced stop begins
    bake,              // a new generation is looked at
    watchdog,          // the service manager is to hear from us
  } kind;
  std::uint64_t id = 0;  // launch of the worker or template, index of the pool, 0 for the others
  auto operator<=>(const TimerOwner&) const = default;
};

/// All deadlines of the core, soonest first. O(log n) each; equal deadlines fall due in the order of their
/// owners.
class TimerQueue {
 public:
  /// Replaces the owner's timer, if any.
  void arm(TimerOwner owner, TimePoint when);
  void disarm(TimerOwner owner);
  std::optional<TimePoint> when(TimerOwner owner) const;
  std::optional<TimePoint> next() const;
  /// Takes out the soonest timer that is due.
  std::optional<TimerOwner> pop_due(TimePoint now);
  /// All timers, soonest first.
  const std::set<std::pair<TimePoint, TimerOwner>>& all() const { return by_time_; }

 private:
  struct Hash {
    std::size_t operator()(const TimerOwner& owner) const {
      return static_cast<std::size_t>(owner.id * 16 + static_cast<std::uint64_t>(owner.kind));
    }
  };
  std::set<std::pair<TimePoint, TimerOwner>> by_time_;
  std::unordered_map<TimerOwner, TimePoint, Hash> by_owner_;
};

}  // namespace gserve::core
