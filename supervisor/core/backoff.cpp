// SPDX-License-Identifier: MIT
#include "supervisor/core/backoff.h"

#include <algorithm>
#include <limits>

namespace gserve::core {
double Random::unit() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1.0p-53;
}

Backoff::Backoff(const BackoffRecord& record)
    : gate_(record.gate.value_or(TimePoint::min())),
      incidents_(record.incidents),
      failures_(record.failures),
      window_(record.window),
      calm_since_(record.calm_since) {}

BackoffRecord Backoff::record() const {
  BackoffRecord record{std::nullopt, incidents_, failures_, window_, calm_since_};
  if (gate_ != TimePoint::min()) record.gate = gate_;
  return record;
}

void Backoff::on_ready(TimePoint now) {
  if (!calm_since_) calm_since_ = now;
  window_ = std::min(window_ + 1, kWidest);
}

void Backoff::on_failure(Failure failure, Duration served, TimePoint now, Random& random) {
  const bool calm = calm_since_ && now - *calm_since_ >= kCalm;
  if (calm) forgive();
  calm_since_.reset();
  if (served >= kCalm) return;
  ++failures_;
  window_ = 1;
  if (now < gate_) return;
  if (failure == Failure::boot) incidents_ = std::max(incidents_, kDelayed - 1);
  gate_ = now + delay(random);
  ++incidents_;
}

void Backoff::forgive() {
  incidents_ = failures_ = 0;
  calm_since_.reset();
}

int Backoff::window() const {
  return incidents_ < kDelayed ? std::numeric_limits<int>::max() : window_;
}

std::optional<TimePoint> Backoff::calm_at() const {
  if (!calm_since_ || failures_ == 0) return std::nullopt;
  return *calm_since_ + kCalm;
}

Duration Backoff::delay(Random& random) const {
  if (incidents_ == 0) return Duration::zero();
  const int doublings = std::min(incidents_ - 1, 20);
  const Duration full = std::min(kFirst * (1 << doublings), kMost);
  return std::chrono::duration_cast<Duration>(full * (1.0 - 0.2 * random.unit()));
}

}  // namespace gserve::core
