// SPDX-License-Identifier: MIT
#include "worker/net/calendar.h"

#include <cstdio>

namespace gserve::net {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::int64_t kDaySeconds = 86400;
constexpr std::size_t kHttpDateSize = 29;

}  // namespace

CivilTime civil_time(std::int64_t unix_seconds) {
  std::int64_t days = unix_seconds / kDaySeconds;
  std::int64_t rest = unix_seconds % kDaySeconds;
  if (rest < 0) {
    rest += kDaySeconds;
    --days;
  }
  // Years are counted from 1 March of year 0, in eras of 400 years, so that the leap day ends its year.
  const std::int64_t from_march = days + 719468;
  const std::int64_t era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
  const std::int64_t day_of_era = from_march - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  CivilTime time{};
  time.year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  time.month = static_cast<int>(month);
  time.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  time.hour = static_cast<int>(rest / 3600);
  time.minute = static_cast<int>(rest / 60 % 60);
  time.second = static_cast<int>(rest % 60);
  time.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  return time;
}

std::string_view month_name(int month) {
  return kMonths.at(static_cast<std::size_t>(month - 1));
}

std::string_view HttpDate::text(std::int64_t unix_seconds) {
  if (unix_seconds != formatted_) {
    const CivilTime t = civil_time(unix_seconds);
    std::snprintf(text_.data(), text_.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays.at(static_cast<std::size_t>(t.weekday)), t.day, month_name(t.month).data(), t.year,
                  t.hour, t.minute, t.second);
    formatted_ = unix_seconds;
  }
  return {text_.data(), kHttpDateSize};
}

}  // namespace gserve::net
