// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// Time as text, without the C library: its conversions take a lock, and a child forked while another thread
/// holds it could never tell the time again.
namespace gserve::net {

struct CivilTime {
  int year;
  int month;  // 1 to 12
  int day;
  int hour;
  int minute;
  int second;
  int weekday;  // 0 is Sunday
};

/// The proleptic Gregorian calendar, UTC.
CivilTime civil_time(std::int64_t unix_seconds);

std::string_view month_name(int month);  // "Jan"

/// The Date field's value (RFC 9110, 5.6.7), formatted at most once a second. One thread at a time.
class HttpDate {
 public:
  std::string_view text(std::int64_t unix_seconds);

 private:
  std::int64_t formatted_ = -1;
  std::array<char, 32> text_{};
};

}  // namespace gserve::net
