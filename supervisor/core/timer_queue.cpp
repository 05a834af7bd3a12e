// SPDX-License-Identifier: MIT
#include "supervisor/core/timer_queue.h"

namespace gserve::core {

void TimerQueue::arm(TimerOwner owner, TimePoint when) {
  disarm(owner);
  by_time_.emplace(when, owner);
  by_owner_.emplace(owner, when);
}

void TimerQueue::disarm(TimerOwner owner) {
  const auto found = by_owner_.find(owner);
  if (found == by_owner_.end()) return;
  by_time_.erase({found->second, owner});
  by_owner_.erase(found);
}

std::optional<TimePoint> TimerQueue::when(TimerOwner owner) const {
  const auto found = by_owner_.find(owner);
  if (found == by_owner_.end()) return std::nullopt;
  return found->second;
}

std::optional<TimePoint> TimerQueue::next() const {
  if (by_time_.empty()) return std::nullopt;
  return by_time_.begin()->first;
}

std::optional<TimerOwner> TimerQueue::pop_due(TimePoint now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  const TimerOwner owner = by_time_.begin()->second;
  disarm(owner);
  return owner;
}

}  // namespace gserve::core
