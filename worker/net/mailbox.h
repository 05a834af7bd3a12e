// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include "worker/net/clock.h"
#include "worker/net/fork_guard.h"

namespace gserve::net {

/// A letterbox that can be linked into the mailbox once, however many letters it holds. Lives as long as the
/// server.
struct Letterbox {
  std::atomic<std::uint32_t> letters{0};
  Letterbox* next = nullptr;
};

/// How other threads reach the I/O thread: letters are bits, put without a lock and without a system call;
/// the thread is woken (eventfd) only when the sender asks for it and the thread really sleeps. What needs no
/// wake-up is found at the thread's next turn.
///
/// While it gathers the thread sleeps too, but briefly, and no wake-up disturbs it: only end_gathering() does.
class Mailbox {
 public:
  explicit Mailbox(ForkGuard& guard);

  // Any thread.
  void post(Letterbox& box, std::uint32_t letter);
  void wake();
  bool gathering() const { return gathering_.load(std::memory_order_seq_cst) != 0; }
  void end_gathering();

  // I/O thread.
  /// All boxes with letters, oldest first, linked by `next`. Read `next` before taking a box's letters.
  Letterbox* take();
  static std::uint32_t open(Letterbox& box) { return box.letters.exchange(0, std::memory_order_acq_rel); }
  /// Announces that the thread is about to sleep; false if there is mail or a wake-up meanwhile: then it must
  /// not.
  bool begin_sleep();
  void end_sleep() { sleeping_.store(false, std::memory_order_relaxed); }
  /// To gather: announce it, look whether there is still a reason to, and sleep (at most so long).
  void begin_gathering() { gathering_.store(1, std::memory_order_seq_cst); }
  void gather(Nanos most);
  /// Becomes readable on a wake-up; to be watched edge-triggered, never read.
  int fd() const { return event_.get(); }

 private:
  std::atomic<Letterbox*> newest_{nullptr};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> poked_{false};
  std::atomic<std::uint32_t> gathering_{0};  // a futex
  TrackedFd event_;
};

}  // namespace gserve::net
