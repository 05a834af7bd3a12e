// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/statsd.h"
#include "common/syslog.h"
#include "worker/net/fork_guard.h"
#include "worker/net/server.h"

namespace gserve::net {

/// Local time's offset from UTC in seconds. Takes the fork lock: the C library's own lock must not be held at
/// a fork.
long utc_offset(ForkGuard& guard, std::int64_t unix_seconds);

/// What the I/O thread tells the world: the server's lines in the error log, each in one write(2) and as gunicorn writes it: `[2026-11-23 09:15:27
/// +0000] [PID] [INFO] text`; or as JSON (docs/logging.md). They go to a syslog server, too, and what happens is
/// counted in a statsd server; neither is ever waited for. I/O thread only.
class Log {
 public:
  /// `config` is borrowed. Looks the syslog and statsd servers up, which may wait for a name server.
  Log(ForkGuard& guard, const ServerConfig& config);
  void line(LogLevel level, std::string_view text);
  void info(std::string_view text) { line(LogLevel::info, text); }
  void warning(std::string_view text) { line(LogLevel::warning, text); }
  /// Whether lines of the access log go to a syslog server; `line` without a newline.
  bool copies_access() const { return syslog_ && config_.syslog_access; }
  void copy_access(std::string_view line);

  /// An answered request.
  void count_request(int status, std::int64_t microseconds);

  /// At the end of a turn: sends what was gathered, and tells what those servers did not take.
  void flush();
  /// Something is left that a server has not taken: to be tried again soon.
  bool blocked() const { return syslog_ && syslog_->holds_back(); }
  /// Closes, in a forked child, what the servers are reached by.
  void let_go();

  bool logs(LogLevel level) const { return config_.error_log >= 0 && level >= config_.log_level; }

 private:
  void write(LogLevel level, std::string_view text);
  void count_line(LogLevel level);
  void append_text(std::string& out, LogLevel level, std::string_view text);
  void append_object(std::string& out, LogLevel level, std::string_view text);

  ForkGuard& guard_;
  const ServerConfig& config_;
  // Used under the fork lock: their sockets must not come into being while the process forks.
  std::optional<syslog::Sender> syslog_;
  std::optional<statsd::Client> statsd_;
};

/// What errno says, without locks or static buffers.
std::string error_text(int error);

}  // namespace gserve::net
