// SPDX-License-Identifier: MIT
#include "supervisor/io/oom_account.h"

#include <algorithm>

namespace gserve::io {

bool OomAccount::claim() {
  if (counter_.kills().value_or(0) <= claimed_) return false;
  ++claimed_;
  return true;
}

void OomAccount::forget_old(core::TimePoint now) {
  if (looked_ != core::TimePoint::min() && now - looked_ < kRemembered) return;
  claimed_ = std::max(claimed_, recent_);
  recent_ = counter_.kills().value_or(recent_);
  looked_ = now;
}

}  // namespace gserve::io
