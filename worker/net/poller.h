// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/net/clock.h"
#include "worker/net/fork_guard.h"

struct epoll_event;

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

  /// Readable, level-triggered, and shared with siblings: of the processes that watch it, one is woken for an
  /// event. Returns 0 or errno.
  int watch_shared(int fd, std::uint64_t token);
  int watch_connection(int fd, std::uint64_t token);
  /// Readable, level-triggered.
  int watch_input(int fd, std::uint64_t token);
  /// Readable, once for each write to it.
  int watch_wakeups(int fd, std::uint64_t token);
  void forget(int fd);

  /// Waits at most `timeout` (negative: for ever).
  std::span<const Event> wait(Nanos timeout);
  /// Whether there may be more than the last wait() has told.
  bool more() const;
  int fd() const { return epoll_.get(); }

 private:
  int add(int fd, std::uint32_t events, std::uint64_t token);
  int wait_for(std::span<epoll_event> room, Nanos timeout);

  TrackedFd epoll_;
  bool precise_ = true;  // the kernel has epoll_pwait2 (Linux 5.11)
  std::vector<Event> events_;
};

}  // namespace gserve::net
