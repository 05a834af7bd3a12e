// SPDX-License-Identifier: MIT
#include "supervisor/io/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

namespace gserve::io {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// To the millisecond.
double since_epoch(core::TimePoint monotonic) {
  const auto ago = std::chrono::steady_clock::now() - monotonic;
  const auto then = (std::chrono::system_clock::now() - ago).time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(then).count()) / 1000;
}

}  // namespace

std::uint64_t resident_bytes(core::Pid pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return statm ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

core::Duration cpu_time(core::Pid pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  // The name in parentheses may hold anything: fields are counted from its end (proc(5)).
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  if (!fields) return {};
  return std::chrono::duration_cast<core::Duration>(std::chrono::seconds(1)) / ::sysconf(_SC_CLK_TCK) *
         (user + system);
}

ports::OwnProcess own_process(core::TimePoint started) {
  // Once: a clock that is set must not look like another start.
  static const double kStartTime = since_epoch(started);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {resident_bytes(::getpid()), seconds(usage.ru_utime) + seconds(usage.ru_stime), kStartTime};
}

}  // namespace gserve::io
