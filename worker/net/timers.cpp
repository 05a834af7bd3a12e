// SPDX-License-Identifier: MIT
#include "worker/net/timers.h"

#include <algorithm>

namespace gserve::net {

void Timers::arm(Timer& timer, TimerKind kind, Nanos now) {
  disarm(timer);
  List& target = list(kind);
  timer.kind = kind;
  timer.deadline = now + target.duration;
  timer.previous = target.last;
  timer.next = nullptr;
  (target.last != nullptr ? target.last->next : target.first) = &timer;
  target.last = &timer;
}

void Timers::disarm(Timer& timer) {
  if (!timer.armed()) return;
  List& source = list(timer.kind);
  (timer.previous != nullptr ? timer.previous->next : source.first) = timer.next;
  (timer.next != nullptr ? timer.next->previous : source.last) = timer.previous;
  timer.kind = TimerKind::count;
}

std::optional<Nanos> Timers::next_deadline() const {
  std::optional<Nanos> next;
  for (const List& l : lists_) {
    if (l.first != nullptr) next = std::min(next.value_or(l.first->deadline), l.first->deadline);
  }
  return next;
}

Timer* Timers::expired(Nanos now) {
  for (const List& l : lists_) {
    Timer* timer = l.first;
    if (timer == nullptr || timer->deadline > now) continue;
    disarm(*timer);
    return timer;
  }
  return nullptr;
}

}  // namespace gserve::net
