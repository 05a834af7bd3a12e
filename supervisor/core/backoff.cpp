// SPDX-License-Identifier: MIT
#include "supervisor/core/backoff.h"

#include <algorithm>

namespace gserve::core {

double Random::unit() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1.0p-53;
}

void Backoff::on_ready(TimePoint now) {
  if (!calm_since_) calm_since_ = now;
}

void Backoff::on_failure(Failure failure, Duration served, TimePoint now, Random& random) {
  const bool calm = calm_since_ && now - *calm_since_ >= kCalm;
  calm_since_.reset();
  if (now < gate_) return;
  if (calm || served >= kCalm) failures_ = 0;
  if (served >= kCalm) return;
  if (failure == Failure::boot) failures_ = std::max(failures_, 1);
  gate_ = now + delay(random);
  ++failures_;
}

Duration Backoff::delay(Random& random) const {
  if (failures_ == 0) return Duration::zero();
  const int doublings = std::min(failures_ - 1, 20);
  const Duration full = std::min(kFirst * (1 << doublings), kMost);
  return std::chrono::duration_cast<Duration>(full * (1.0 - 0.2 * random.unit()));
}

}  // namespace gserve::core
