// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/net/clock.h"
#include "worker/net/fork_guard.h"

namespace gserve::net {

/// One epoll instance. Connections are watched edge-triggered from accept to close; nothing is ever modified.
class Poller {
 public:
  struct Event {
    std::uint64_t token;
    bool readable;
    bool writable;
    bool end_of_input;  // the peer will send nothing more (a FIN; not a disconnect)
    bool broken;        // reset, or closed in both directions
  };

  explicit Poller(ForkGuard& guard);

  /// Shared with siblings: of the processes that watch it, one is woken for an event. Returns 0 or errno.
  int watch_listener(int fd, std::uint64_t token);
  int watch_connection(int fd, std::uint64_t token);
  /// Readable, level-triggered.
  int watch_input(int fd, std::uint64_t token);
  /// Readable, once for each write to it.
  int watch_wakeups(int fd, std::uint64_t token);
  void forget(int fd);

  /// Waits at most `timeout` (negative: for ever).
  std::span<const Event> wait(Nanos timeout);
  int fd() const { return epoll_.get(); }

 private:
  int add(int fd, std::uint32_t events, std::uint64_t token);

  TrackedFd epoll_;
  std::vector<Event> events_;
};

}  // namespace gserve::net
