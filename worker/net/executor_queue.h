// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "worker/net/exchange.h"

namespace gserve::net {

/// Hands exchanges from the I/O thread to executors.
///
/// A waiting executor sleeps on a futex of its own: an exchange is given to exactly the thread that is woken
/// for it, an interruption wakes the main executor and no other, and a batch of exchanges costs one wake-up
/// for each thread that sleeps, not for each exchange.
class ExecutorQueue {
 public:
  void push(Exchange* exchange);

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
  Exchange* sleep(Waiter& waiter, bool* interrupted);

  std::mutex mutex_;
  std::deque<Exchange*> queue_;
  std::vector<Waiter*> waiters_;  // the last one that went to sleep is woken first: its caches are warm
  bool interrupted_ = false;
  bool ended_ = false;
};

}  // namespace gserve::net
