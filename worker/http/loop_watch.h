// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

/// Whether a worker's event loop gets round to what there is for it. Pure.
namespace gserve::http {

/// A loop that a request holds, by computing or by a call that blocks, looks for nothing else meanwhile. Nobody says so;
/// but it was told that there is something, and does not look. It is late then, until it looks again, whatever has
/// become of what it was told: its worker accepts nothing and takes nothing over.
///
/// Times are nanoseconds of a monotonic clock. I/O thread only.
class LoopWatch {
 public:
  using Time = std::int64_t;
  static constexpr Time kPatience = 1'000'000;

  /// The loop has looked so often.
  void look(std::uint64_t looks) {
    if (looks != looks_) told_ = kNever;
    looks_ = looks;
  }
  /// There is something for it since the last look(), and it was told.
  void told(Time now) {
    if (told_ == kNever) told_ = now;
  }
  bool late(Time now) const { return told_ != kNever && now - told_ >= kPatience; }
  /// When it will be late unless it looks; nothing if it is, or nothing is due.
  std::optional<Time> deadline(Time now) const {
    if (told_ == kNever || late(now)) return std::nullopt;
    return told_ + kPatience;
  }

 private:
  static constexpr Time kNever = std::numeric_limits<Time>::min();

  std::uint64_t looks_ = 0;
  Time told_ = kNever;  // it has not looked since
};

}  // namespace gserve::http
