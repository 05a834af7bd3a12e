// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "worker/net/exchange.h"
#include "worker/net/loop_bell.h"
#include "worker/net/ready.h"

namespace gserve::net {

/// Hands exchanges from the I/O thread to executors.
///
/// A waiting executor sleeps on a futex of its own: an exchange is given to exactly the thread that is woken
/// for it, an interruption wakes the main executor and no other, and a batch of exchanges costs one wake-up
/// for each thread that sleeps, not for each exchange. An executor with an event loop does not sleep here: it
/// is woken by a bell, once for all that a turn of the I/O thread has brought.
class ExecutorQueue {
 public:
  void push(Exchange* exchange);

  /// From now on there is one executor, with an event loop. Before the threads start.
  void use_event_loop(ForkGuard& guard) { bell_.emplace(guard); }
  int ready_fd() const { return bell_ ? bell_->fd() : -1; }
  /// As Server::take_ready().
  Ready take_ready();
  /// What `exchange` would have had to wait for is there. Any thread but the loop's.
  void resume(Exchange* exchange);
  /// The end of a turn of the I/O thread: wakes the event loop if there is something new for it.
  void end_turn();

  /// As Server::take().
  Exchange* take(bool* interrupted);

  /// Makes the main executor's take() return, now or when it is called next.
  void interrupt();
  /// Nothing more to do: take() returns nullptr for good. Returns what was still queued.
  std::deque<Exchange*> end();

 private:
  enum class Wakeup : std::uint32_t { none, exchange, interrupted, ended };

  struct Waiter {
    bool main = false;
    Exchange* exchange = nullptr;
    std::atomic<std::uint32_t> wakeup{0};  // the futex; a Wakeup
  };

  void wake(Waiter& waiter, Wakeup reason);
  Ready next_ready();
  Exchange* sleep(Waiter& waiter, bool* interrupted);

  std::mutex mutex_;
  std::deque<Exchange*> queue_;
  std::vector<Waiter*> waiters_;  // the last one that went to sleep is woken first: its caches are warm
  bool interrupted_ = false;
  bool ended_ = false;
  std::optional<LoopBell> bell_;
  std::vector<Exchange*> resumed_;
  std::atomic<bool> news_{false};  // for the event loop
};

}  // namespace gserve::net
