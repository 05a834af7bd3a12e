// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/socket_address.h"
#include "common/unique_fd.h"

/// Metrics for a statsd server, as gunicorn names and writes them.
namespace gserve::statsd {

struct Target {
  std::string path;  // of a Unix socket; empty: host and port
  std::string host;
  std::string port;
};

/// `HOST:PORT`, `HOST` (port 8125), `unix://PATH` or `unix:PATH`.
struct ParsedTarget {
  Target target;
  std::string wrong;  // empty: `target` is complete
};
ParsedTarget parse_target(std::string_view text);

/// Gathers metrics and sends several in one datagram. Never waits: what the server or the kernel does not take
/// is dropped. Not thread safe. Movable.
class Client {
 public:
  /// `prefix` goes in front of each name, with a dot; `tags` (dogstatsd) behind each metric. Looks the host up,
  /// which may wait for a name server.
  Client(const Target& target, std::string_view prefix, std::string_view tags);

  void increment(std::string_view name);
  void timing(std::string_view name, std::int64_t microseconds);
  void gauge(std::string_view name, std::uint64_t value);
  void histogram(std::string_view name, std::uint64_t value);
  void flush();

  struct Lost {
    std::uint64_t datagrams;
    std::string reason;
  };
  /// Closes the socket, in a forked child.
  void let_go() { fd_.reset(); }

  /// What was dropped, if any of it has not been told yet; once a minute at most.
  std::optional<Lost> take_lost();

 private:
  using Clock = std::chrono::steady_clock;
  void add(std::string_view name, std::string_view value, std::string_view kind);
  bool connected();

  SocketAddress address_;
  std::string prefix_;
  std::string suffix_;
  UniqueFd fd_;
  std::string gathered_;
  std::string metric_;
  std::optional<Clock::time_point> tried_;
  std::uint64_t lost_ = 0;
  int error_ = 0;
  std::optional<Clock::time_point> told_;
};

}  // namespace gserve::statsd
