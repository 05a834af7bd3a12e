// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include "worker/net/fork_guard.h"

namespace gserve::net {

/// Wakes an event loop by an eventfd that the loop watches: one system call on each side for a batch of things
/// to do, none while the loop is at work anyway.
///
/// The loop looks for things to do, then silence()s the bell, looks again under the lock that adding takes, and
/// only then says that it is idle. So nothing is added unseen.
class LoopBell {
 public:
  explicit LoopBell(ForkGuard& guard);
  LoopBell(const LoopBell&) = delete;
  LoopBell& operator=(const LoopBell&) = delete;

  /// Readable (level-triggered) once it has rung.
  int fd() const { return event_.get(); }
  /// Something was added: rings if the loop is idle.
  void ring();
  /// The loop, at work.
  void silence();
  void set_idle() { idle_.store(true, std::memory_order_seq_cst); }

 private:
  TrackedFd event_;
  std::atomic<bool> idle_{true};
  std::atomic<bool> rung_{false};
};

}  // namespace gserve::net
