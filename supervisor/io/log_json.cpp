// SPDX-License-Identifier: MIT
#include "supervisor/io/log_json.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace gserve::io {
namespace {

const char* name(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::debug:
      return "debug";
    case core::LogLevel::info:
      return "info";
    case core::LogLevel::warning:
      return "warning";
    case core::LogLevel::error:
      return "error";
    case core::LogLevel::critical:
      break;
  }
  return "critical";
}

/// RFC 3339, in UTC.
std::string stamp(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(since / 1000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text;
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(since % 1000));
  return text.data();
}

}  // namespace

std::string json_line(std::chrono::system_clock::time_point time, core::LogLevel level,
                      std::string_view message, core::Pid worker, core::Generation generation) {
  nlohmann::ordered_json line = {
      {"time", stamp(time)}, {"level", name(level)}, {"pid", ::getpid()}, {"message", message}};
  if (worker != 0) line["worker"] = worker;
  if (generation != 0) line["generation"] = generation;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace gserve::io
