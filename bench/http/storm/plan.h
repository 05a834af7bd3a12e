// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>

namespace storm {

inline constexpr std::size_t kLargest = std::size_t{1} << 20;

/// `size` bytes from the place `start` of 0, 1, ... 255, 0, ...: what the application answers with from 0, and
/// what is sent to it from anywhere.
std::string_view pattern(std::size_t size, unsigned char start = 0);

/// What a connection does next: requests sent in one go, and the bodies that must come back, in order.
struct Plan {
  std::string bytes;
  std::deque<std::string_view> answers;
  /// An abort: how many bytes of the requests are sent, or else how many of the answers are read, before the
  /// connection is closed. -1: none.
  std::int64_t stop_sending = -1;
  std::int64_t stop_reading = -1;
  bool reconnect = false;  // after the last answer

  bool aborts() const { return stop_sending >= 0 || stop_reading >= 0; }
};

/// Mostly small and single; some large, chunked, pipelined, or cut off.
Plan make_plan(std::mt19937_64& random);

}  // namespace storm
