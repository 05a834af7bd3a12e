// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "worker/http/handover_rule.h"
#include "worker/net/clock.h"
#include "worker/net/exchange.h"
#include "worker/net/loop_bell.h"
#include "worker/net/mailbox.h"
#include "worker/net/ready.h"

namespace gserve::net {

/// Hands exchanges from the I/O thread to executors.
///
/// A waiting executor sleeps on a futex of its own: an exchange is given to exactly the thread that is woken
/// for it, an interruption wakes the main executor and no other, and a batch of exchanges costs one wake-up
/// for each thread that sleeps, not for each exchange. An executor with an event loop does not sleep here: it
/// is woken by a bell, once for all that a turn of the I/O thread has brought.
///
/// An executor may *ask* for what siblings have handed over before it takes what waits here: it sleeps until
/// the I/O thread, which it wakes, has put such an exchange in front, or lets it go on. Only the I/O thread
/// can take something back.
class ExecutorQueue {
 public:
  explicit ExecutorQueue(Mailbox& mailbox) : mailbox_(mailbox) {}

  /// From now on there is one executor, with an event loop. Before the threads start.
  void use_event_loop(ForkGuard& guard) { bell_.emplace(guard); }
  int ready_fd() const { return bell_ ? bell_->fd() : -1; }
  /// As Server::take_ready().
  Ready take_ready();
  /// What `exchange` would have had to wait for is there. Any thread but the loop's.
  void resume(Exchange* exchange);
  /// The end of a turn of the I/O thread: tells the event loop if there is something new for it. Returns whether
  /// there is: then it will look (take_ready()), if it can.
  bool end_turn();
  /// The event loop is to look, although there is nothing new for it.
  void ask_to_look() { news_.store(true, std::memory_order_relaxed); }

  struct Entry {
    Exchange* exchange = nullptr;
    Nanos since = 0;       // it waits
    bool movable = false;  // may go to the hand-over queue
  };

  // I/O thread.
  void push(const Entry& entry);
  /// What a sibling has handed over: before all others, but after those that came so before it.
  void push_first(const Entry& entry);
  /// Its progress is what executors have taken, or how often the event loop has looked.
  http::HandoverRule::Waiting waiting();
  /// Takes back the first movable one, but for `skip` at the front, that has waited since `since` or longer.
  std::optional<Entry> withdraw(std::size_t skip, Nanos since);
  /// Whether executors ask.
  bool asked() const { return asking_.load(std::memory_order_seq_cst) > 0; }
  /// Lets those who ask go on: there is nothing for them.
  void stop_asking();

  // Executors.
  /// As Server::take(). `ask`: for what siblings have handed over, unless nothing waits here.
  Exchange* take(bool* interrupted, bool ask = false);
  /// Whether anything waits; may be out of date.
  bool backlog() const { return backlog_.load(std::memory_order_relaxed); }

  // Any thread.
  /// Makes the main executor's take() return, now or when it is called next.
  void interrupt();
  /// Nothing more to do: take() returns nullptr for good. Returns what was still queued.
  std::deque<Entry> end();

 private:
  enum class Wakeup : std::uint32_t { none, exchange, interrupted, ended };

  struct Waiter {
    bool main = false;
    bool asks = false;
    Exchange* exchange = nullptr;
    std::atomic<std::uint32_t> wakeup{0};  // the futex; a Wakeup
  };

  void add(const Entry& entry, bool first);
  Waiter* next_waiter(bool asking);
  void forget(std::vector<Waiter*>::iterator waiter);
  Exchange* pop_front();
  void queue_changed() { backlog_.store(!queue_.empty(), std::memory_order_relaxed); }
  void wake(Waiter& waiter, Wakeup reason);
  Ready next_ready();
  Exchange* sleep(Waiter& waiter, bool* interrupted);

  Mailbox& mailbox_;
  std::mutex mutex_;
  std::deque<Entry> queue_;
  std::vector<Waiter*> waiters_;  // the last one that went to sleep is woken first: its caches are warm
  std::size_t first_ = 0;         // so many at the front of the queue came by push_first()
  std::uint64_t progress_ = 0;    // as waiting() says
  bool interrupted_ = false;
  bool ended_ = false;
  std::atomic<bool> backlog_{false};
  std::atomic<int> asking_{0};  // changed under the mutex
  std::optional<LoopBell> bell_;
  std::vector<Exchange*> resumed_;
  std::atomic<bool> news_{false};  // for the event loop
};

}  // namespace gserve::net
