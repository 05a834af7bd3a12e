// SPDX-License-Identifier: MIT
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace gserve::net {

/// Nanoseconds of CLOCK_MONOTONIC.
using Nanos = std::int64_t;

inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

inline Nanos monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

inline Nanos to_nanos(std::chrono::duration<double> seconds) {
  return static_cast<Nanos>(seconds.count() * static_cast<double>(kSecond));
}

}  // namespace gserve::net
