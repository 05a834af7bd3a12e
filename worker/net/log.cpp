// SPDX-License-Identifier: MIT
#include "worker/net/log.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "worker/net/calendar.h"

namespace gserve::net {
namespace {

constexpr std::array<const char*, 5> kLevelNames = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

}  // namespace

long utc_offset(ForkGuard& guard, std::int64_t unix_seconds) {
  const std::lock_guard lock(guard.mutex());
  const time_t seconds = unix_seconds;
  tm local{};
  return ::localtime_r(&seconds, &local) != nullptr ? local.tm_gmtoff : 0;
}

void Log::line(LogLevel level, std::string_view text) {
  if (!logs(level)) return;
  const std::int64_t now = ::time(nullptr);
  const long offset = utc_offset(guard_, now);
  const CivilTime t = civil_time(now + offset);
  const long minutes = std::labs(offset) / 60;
  std::array<char, 128> stamp;
  const int size = std::snprintf(
      stamp.data(), stamp.size(), "[%04d-%02d-%02d %02d:%02d:%02d %c%02ld%02ld] [%d] [%s] ", t.year, t.month,
      t.day, t.hour, t.minute, t.second, offset < 0 ? '-' : '+', minutes / 60, minutes % 60,
      static_cast<int>(::getpid()), kLevelNames.at(static_cast<std::size_t>(level)));
  std::string out(stamp.data(), static_cast<std::size_t>(size));
  out.append(text).push_back('\n');
  // A log that cannot be written must not end the service, and there is nowhere else to say so.
  [[maybe_unused]] const ssize_t n = ::write(fd_, out.data(), out.size());
}

std::string error_text(int error) {
  const char* text = ::strerrordesc_np(error);
  return text != nullptr ? text : "error " + std::to_string(error);
}

}  // namespace gserve::net
