// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "worker/net/fork_guard.h"
#include "worker/net/server.h"

namespace gserve::net {

/// Local time's offset from UTC in seconds. Takes the fork lock: the C library's own lock must not be held at
/// a fork.
long utc_offset(ForkGuard& guard, std::int64_t unix_seconds);

/// The server's lines in the error log, each as gunicorn writes it: `[2026-11-23 09:15:27 +0000] [PID] [INFO]
/// text`, in one write(2). I/O thread only.
class Log {
 public:
  Log(ForkGuard& guard, int fd, LogLevel least) : guard_(guard), fd_(fd), least_(least) {}
  void line(LogLevel level, std::string_view text);
  void info(std::string_view text) { line(LogLevel::info, text); }
  void warning(std::string_view text) { line(LogLevel::warning, text); }
  bool logs(LogLevel level) const { return fd_ >= 0 && level >= least_; }

 private:
  ForkGuard& guard_;
  int fd_;
  LogLevel least_;
};

/// What errno says, without locks or static buffers.
std::string error_text(int error);

}  // namespace gserve::net
