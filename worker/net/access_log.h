// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/net/clock.h"
#include "worker/net/context.h"
#include "worker/net/log.h"

namespace gserve::net {

struct Connection;

/// The access log, or the records of it for Python's logging: lines are gathered and written at the end of each turn of the I/O thread. A log that
/// cannot be written (full disk, a pipe that nobody reads) costs lines, counted and told in the error log,
/// never a wait. Lines go to a syslog server, too, and requests are counted; see Log.
class AccessLog {
 public:
  AccessLog(Context& context, Log& log);

  /// Notes the request that `connection` was just given an answer for.
  void add(const Connection& connection);
  void flush(Nanos now);
  /// The last flush: waits for a reader of pipe or socket, 1 s at most.
  void finish(Nanos now);
  /// Lines are left that the log would not take: to be tried again soon.
  bool blocked() const { return !lines_.empty() || log_.blocked(); }
  /// The descriptor means another file now.
  void reopened();

 private:
  std::string_view time_text(std::int64_t unix_seconds);
  void append(const Connection& connection);
  void format_local_time(std::int64_t unix_seconds);
  std::size_t next_write() const;
  bool write_some();
  void drop_lines(int error);
  void tell_dropped(Nanos now);

  Context& context_;
  Log& log_;
  const bool records_;
  const int fd_;
  bool regular_ = false;  // a regular file takes any number of whole lines in one atomic write
  std::string lines_;
  std::uint64_t dropped_ = 0;
  int drop_error_ = 0;
  Nanos told_ = 0;
  std::int64_t formatted_ = -1;
  std::array<char, 64> time_{};
};

}  // namespace gserve::net
