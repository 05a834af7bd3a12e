// SPDX-License-Identifier: MIT
#include "worker/net/log.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "worker/net/calendar.h"
#include "worker/net/json_text.h"

namespace gserve::net {
namespace {

constexpr std::array<const char*, 5> kLevelNames = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
constexpr std::array<const char*, 5> kJsonLevels = {"debug", "info", "warning", "error", "critical"};
constexpr std::array<char, 5> kPriorities = {'7', '6', '4', '3', '2'};

constexpr std::array<syslog::Severity, 5> kSeverities = {syslog::Severity::debug, syslog::Severity::info,
                                                         syslog::Severity::warning, syslog::Severity::error,
                                                         syslog::Severity::critical};

std::size_t index(LogLevel level) {
  return static_cast<std::size_t>(level);
}

/// What gunicorn puts in front of a text in syslog.
std::string process_mark() {
  return "[" + std::to_string(::getpid()) + "] ";
}

}  // namespace

long utc_offset(ForkGuard& guard, std::int64_t unix_seconds) {
  const std::lock_guard lock(guard.mutex());
  const time_t seconds = unix_seconds;
  tm local{};
  return ::localtime_r(&seconds, &local) != nullptr ? local.tm_gmtoff : 0;
}

Log::Log(ForkGuard& guard, const ServerConfig& config) : guard_(guard), config_(config) {
  const std::lock_guard lock(guard.mutex());
  if (!config.syslog_address.empty())
    syslog_.emplace(syslog::parse_target(config.syslog_address).target, config.syslog_facility);
  if (!config.statsd_address.empty())
    statsd_.emplace(statsd::parse_target(config.statsd_address).target, config.statsd_prefix,
                    config.statsd_tags);
}

void Log::line(LogLevel level, std::string_view text) {
  if (!logs(level)) return;
  write(level, text);
  if (!syslog_ && !statsd_) return;
  const std::lock_guard lock(guard_.mutex());
  if (statsd_) count_line(level);
  if (!syslog_) return;
  syslog_->send(kSeverities.at(index(level)), config_.syslog_name + ".error", process_mark().append(text));
}

void Log::copy_access(std::string_view line) {
  const std::lock_guard lock(guard_.mutex());
  syslog_->send(syslog::Severity::info, config_.syslog_name + ".access", process_mark().append(line));
}

void Log::count_line(LogLevel level) {
  if (level < LogLevel::warning) return;
  std::string name = "gunicorn.log.";
  statsd_->increment(name.append(kJsonLevels.at(index(level))));
}

void Log::count_request(int status, std::int64_t microseconds) {
  if (!statsd_) return;
  const std::lock_guard lock(guard_.mutex());  // a full datagram is sent
  statsd_->timing("gunicorn.request.duration", microseconds);
  statsd_->increment("gunicorn.requests");
  statsd_->increment("gunicorn.request.status." + std::to_string(status));
}

void Log::flush() {
  if (!syslog_ && !statsd_) return;
  const std::lock_guard lock(guard_.mutex());
  if (statsd_) {
    statsd_->flush();
    if (const auto lost = statsd_->take_lost())
      write(LogLevel::warning,
            "datagrams that statsd did not take: " + std::to_string(lost->datagrams) + ": " + lost->reason);
  }
  if (!syslog_) return;
  syslog_->flush();
  if (const auto lost = syslog_->take_lost())
    write(LogLevel::warning,
          "lines that syslog did not take: " + std::to_string(lost->lines) + ": " + lost->reason);
}

void Log::let_go() {
  if (syslog_) syslog_->let_go();
  if (statsd_) statsd_->let_go();
}

void Log::write(LogLevel level, std::string_view text) {
  if (config_.error_log < 0) return;
  std::string out;
  if (config_.log_priority) out.append("<").append(1, kPriorities.at(index(level))).append(">");
  config_.log_json ? append_object(out, level, text) : append_text(out, level, text);
  out += '\n';
  // A log that cannot be written must not end the service, and there is nowhere else to say so.
  [[maybe_unused]] const ssize_t n = ::write(config_.error_log, out.data(), out.size());
}

void Log::append_text(std::string& out, LogLevel level, std::string_view text) {
  const std::int64_t now = ::time(nullptr);
  const long offset = utc_offset(guard_, now);
  const CivilTime t = civil_time(now + offset);
  const long minutes = std::labs(offset) / 60;
  std::array<char, 128> stamp;
  const int size =
      std::snprintf(stamp.data(), stamp.size(), "[%04d-%02d-%02d %02d:%02d:%02d %c%02ld%02ld] [%d] [%s] ",
                    t.year, t.month, t.day, t.hour, t.minute, t.second, offset < 0 ? '-' : '+', minutes / 60,
                    minutes % 60, static_cast<int>(::getpid()), kLevelNames.at(index(level)));
  out.append(stamp.data(), static_cast<std::size_t>(size)).append(text);
}

void Log::append_object(std::string& out, LogLevel level, std::string_view text) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const CivilTime t = civil_time(now.tv_sec);
  std::array<char, 128> head;
  const int size =
      std::snprintf(head.data(), head.size(),
                    R"({"time":"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ","level":"%s","pid":%d,"message":)",
                    t.year, t.month, t.day, t.hour, t.minute, t.second, now.tv_nsec / 1'000'000,
                    kJsonLevels.at(index(level)), static_cast<int>(::getpid()));
  out.append(head.data(), static_cast<std::size_t>(size));
  append_json(out, text);
  out.append(",\"worker\":").append(std::to_string(::getpid()));
  out.append(",\"generation\":").append(std::to_string(config_.generation)).append("}");
}

std::string error_text(int error) {
  const char* text = ::strerrordesc_np(error);
  return text != nullptr ? text : "error " + std::to_string(error);
}

}  // namespace gserve::net
