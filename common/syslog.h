// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/socket_address.h"
#include "common/unique_fd.h"

/// Sending to a syslog server as Python's SysLogHandler does, which gunicorn uses: `<PRI>TAG: text` and a NUL
/// byte, in one datagram, or one after the other on a stream (the head of RFC 3164 without time and host, which
/// servers add).
namespace gserve::syslog {

enum class Severity : int { critical = 2, error = 3, warning = 4, info = 6, debug = 7 };

/// Of a facility's name in any case (syslog(3), without LOG_); nothing if there is none such.
std::optional<int> facility(std::string_view name);

struct Target {
  enum class Kind { udp, tcp, local, local_datagram } kind = Kind::udp;  // local: datagram, else stream
  std::string host;                                                      // or the socket's path
  std::string port;
};

/// `udp://HOST:PORT`, `tcp://HOST:PORT`, `unix://PATH`, `unix://PATH#dgram`, `unix://PATH#stream`; without a port
/// 514, without a host localhost.
struct ParsedTarget {
  Target target;
  std::string wrong;  // empty: `target` is complete
};
ParsedTarget parse_target(std::string_view text);

/// The connection of one process. Never waits for the server: what it does not take, or what comes while it is
/// away, is dropped and counted; up to 64 KiB are held back. A lost connection is tried again with the next
/// text, once a second at most. Not thread safe. Movable.
class Sender {
 public:
  /// Looks the host up, which may wait for a name server; a stream may take 0.2 s to connect.
  Sender(const Target& target, int facility);

  void send(Severity severity, std::string_view tag, std::string_view text);
  /// Sends what is held back.
  void flush();
  bool holds_back() const { return !pending_.empty(); }

  struct Lost {
    std::uint64_t lines;
    std::string reason;
  };
  /// What was dropped, if any of it has not been told yet; once in 10 s at most.
  std::optional<Lost> take_lost();

  /// Closes the connection: in a forked child, whose own lines make a new one.
  void let_go();

 private:
  using Clock = std::chrono::steady_clock;

  bool connected();
  bool connect(int type);
  bool recovers(int error);
  void drop_pending(int error);
  void lose(int error);

  SocketAddress address_;
  Target::Kind kind_;
  int facility_;
  UniqueFd fd_;
  bool stream_ = false;
  std::string pending_;     // texts, each with its NUL byte
  bool recovered_ = false;  // from the last error
  std::optional<Clock::time_point> tried_;
  std::uint64_t lost_ = 0;
  int error_ = 0;
  std::optional<Clock::time_point> told_;
};

}  // namespace gserve::syslog
