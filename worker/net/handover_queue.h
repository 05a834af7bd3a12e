// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>

#include "worker/net/clock.h"
#include "worker/net/fork_guard.h"

namespace gserve::net {

/// The pool's hand-over queue: connections on their way from one worker to another, in the kernel's care
/// (SCM_RIGHTS, unix(7)). What was sent outlives this process. Nothing blocks.
class HandoverQueue {
 public:
  /// Borrows both ends; -1: there is no queue, and everything says so.
  HandoverQueue(ForkGuard& guard, int out, int in) : guard_(guard), out_(out), in_(in) {}

  bool there() const { return out_ >= 0 && in_ >= 0; }
  /// To be watched by those who can take.
  int in() const { return in_; }

  enum class Sent { sent, full, failed };  // failed: with errno
  /// I/O thread. The queue has a copy of `socket` then; the caller closes its own.
  Sent send(std::string_view message, int socket);

  struct Parcel {
    TrackedFd socket;          // none: there was no room for it in the table of descriptors
    std::string_view message;  // good until the next receive(); empty: it was cut off
  };
  /// I/O thread. Nothing if nothing waits, or a sibling was faster.
  std::optional<Parcel> receive();

  /// Whether all that was sent has been taken.
  bool empty() const;
  /// Whether something waits to be taken.
  bool waiting() const;
  /// Any executor, before it takes a request of its own worker: as waiting(), but asks the kernel at most
  /// once in a millisecond as long as the answer is no. Those who were handed over have waited longer.
  bool goes_first();
  /// The answer is no for the next millisecond.
  void put_off(Nanos now) { next_look_.store(now + kMillisecond, std::memory_order_relaxed); }

 private:
  ForkGuard& guard_;
  const int out_;
  const int in_;
  std::unique_ptr<char[]> room_;
  std::atomic<Nanos> next_look_{0};
};

}  // namespace gserve::net
