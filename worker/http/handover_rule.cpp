// SPDX-License-Identifier: MIT
#include "worker/http/handover_rule.h"

#include <algorithm>

#include "worker/http/handover_message.h"

namespace gserve::http {

bool may_move(const MoveFacts& facts) {
  return !facts.encrypted && !facts.output_unsent && !facts.body_arriving && !facts.body_spooled &&
         facts.bytes <= kMostHanded;
}

void HandoverRule::look(const Waiting& waiting, Time now) {
  if (waiting.progress != waiting_.progress) progress_ = now;
  waiting_ = waiting;
}

HandoverRule::Order HandoverRule::order(Time now) const {
  if (!waiting_.first_movable || now < pause_ || now - *waiting_.first_movable < kPatience) return {};
  const Time since = now - kPatience;
  if (stuck(now)) return {waiting_.count, 0, false, since};
  if (taken_soon() || now < next_burst_) return {};
  return {burst_, executors_, true, since};
}

void HandoverRule::carried_out(const Order& order, Outcome outcome, Time now) {
  switch (outcome) {
    case Outcome::done:
      if (!order.only_if_empty) return;
      burst_ = took_ ? 1 : std::min(burst_ * 2, kMostAtOnce);
      next_burst_ = now + (took_ ? calm_ : kPatience);
      took_ = false;
      return;
    case Outcome::nothing:
      pause_ = now + kPatience;
      return;
    case Outcome::occupied:
      burst_ = 1;
      next_burst_ = now + kPatience;
      return;
    case Outcome::full:
      burst_ = 1;
      pause_ = now + kFullPause;
      return;
    case Outcome::failed:
      pause_ = now + kFailedPause;
      return;
  }
}

std::optional<HandoverRule::Time> HandoverRule::deadline() const {
  if (!waiting_.first_movable) return std::nullopt;
  const Time due = std::max(*waiting_.first_movable + kPatience, pause_);
  const Time stuck = progress_ + stuck_after_;
  return std::max(due, taken_soon() ? stuck : std::min(stuck, next_burst_));
}

}  // namespace gserve::http
