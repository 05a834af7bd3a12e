// SPDX-License-Identifier: MIT
#include "worker/net/executor_queue.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace gserve::net {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

/// Sleeps while `word` is 0. May return early: on a signal, or for no reason.
void futex_wait(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>* word) {
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

void ExecutorQueue::push(const Entry& entry) {
  add(entry, false);
}

void ExecutorQueue::push_first(const Entry& entry) {
  add(entry, true);
}

/// Executors that ask get what goes first, for it is what they ask for.
void ExecutorQueue::add(const Entry& entry, bool first) {
  Waiter* waiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (first) waiter = next_waiter(true);
    if (waiter == nullptr) waiter = next_waiter(false);
    if (waiter == nullptr) {
      queue_.insert(first ? queue_.begin() + static_cast<std::ptrdiff_t>(first_++) : queue_.end(), entry);
      news_.store(true, std::memory_order_relaxed);
      return queue_changed();
    }
    waiter->exchange = entry.exchange;
    ++progress_;
  }
  wake(*waiter, Wakeup::exchange);
}

/// With the mutex held.
ExecutorQueue::Waiter* ExecutorQueue::next_waiter(bool asking) {
  for (auto waiter = waiters_.end(); waiter != waiters_.begin();) {
    if ((*--waiter)->asks != asking) continue;
    Waiter* found = *waiter;
    forget(waiter);
    return found;
  }
  return nullptr;
}

/// With the mutex held.
void ExecutorQueue::forget(std::vector<Waiter*>::iterator waiter) {
  if ((*waiter)->asks) asking_.fetch_sub(1, std::memory_order_relaxed);
  waiters_.erase(waiter);
}

/// With the mutex held.
Exchange* ExecutorQueue::pop_front() {
  Exchange* exchange = queue_.front().exchange;
  queue_.pop_front();
  if (first_ > 0) --first_;
  queue_changed();
  ++progress_;
  return exchange;
}

http::HandoverRule::Waiting ExecutorQueue::waiting() {
  const std::lock_guard lock(mutex_);
  http::HandoverRule::Waiting found{queue_.size(), 0, std::nullopt, progress_};
  if (!queue_.empty()) found.oldest = queue_.front().since;
  if (first_ < queue_.size()) found.oldest = std::min(found.oldest, queue_[first_].since);
  const auto movable =
      std::find_if(queue_.begin(), queue_.end(), [](const Entry& entry) { return entry.movable; });
  if (movable != queue_.end()) found.first_movable = movable->since;
  return found;
}

std::optional<ExecutorQueue::Entry> ExecutorQueue::withdraw(std::size_t skip, Nanos since) {
  const std::lock_guard lock(mutex_);
  if (skip >= queue_.size()) return std::nullopt;
  const auto found =
      std::find_if(queue_.begin() + static_cast<std::ptrdiff_t>(skip), queue_.end(),
                   [since](const Entry& entry) { return entry.movable && entry.since <= since; });
  if (found == queue_.end()) return std::nullopt;
  const Entry entry = *found;
  if (found - queue_.begin() < static_cast<std::ptrdiff_t>(first_)) --first_;
  queue_.erase(found);
  queue_changed();
  return entry;
}

void ExecutorQueue::stop_asking() {
  std::vector<Waiter*> served;
  {
    const std::lock_guard lock(mutex_);
    for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
      if ((*waiter)->asks && !queue_.empty()) {
        (*waiter)->exchange = pop_front();
        served.push_back(*waiter);
        asking_.fetch_sub(1, std::memory_order_relaxed);
        waiter = waiters_.erase(waiter);
      } else {
        if (std::exchange((*waiter)->asks, false)) asking_.fetch_sub(1, std::memory_order_relaxed);
        ++waiter;
      }
    }
  }
  for (Waiter* waiter : served) wake(*waiter, Wakeup::exchange);
}

void ExecutorQueue::wake(Waiter& waiter, Wakeup reason) {
  // Once the word is set the waiter may return and its stack frame be gone; waking an address that nobody
  // waits on is harmless.
  waiter.wakeup.store(static_cast<std::uint32_t>(reason), std::memory_order_release);
  futex_wake(&waiter.wakeup);
}

Exchange* ExecutorQueue::take(bool* interrupted, bool ask) {
  if (interrupted != nullptr) *interrupted = false;
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (interrupted != nullptr && std::exchange(interrupted_, false)) {
      *interrupted = true;
      return nullptr;
    }
    if (!queue_.empty() && !ask) return pop_front();
    if (ended_) return nullptr;
    waiter.main = interrupted != nullptr;
    ask = waiter.asks = ask && !queue_.empty();
    if (ask) asking_.fetch_add(1, std::memory_order_seq_cst);
    waiters_.push_back(&waiter);
  }
  if (ask) {
    mailbox_.wake();
    if (mailbox_.gathering()) mailbox_.end_gathering();
  }
  return sleep(waiter, interrupted);
}

Exchange* ExecutorQueue::sleep(Waiter& waiter, bool* interrupted) {
  for (;;) {
    switch (static_cast<Wakeup>(waiter.wakeup.load(std::memory_order_acquire))) {
      case Wakeup::none:
        futex_wait(waiter.wakeup);
        break;
      case Wakeup::exchange:
        return waiter.exchange;
      case Wakeup::interrupted:
        *interrupted = true;
        return nullptr;
      case Wakeup::ended:
        return nullptr;
    }
  }
}

Ready ExecutorQueue::take_ready() {
  const std::lock_guard lock(mutex_);
  Ready ready = next_ready();
  if (ready.exchange != nullptr) return ready;
  ++progress_;
  bell_->silence();
  bell_->set_idle();
  return ready;
}

/// With the mutex held.
Ready ExecutorQueue::next_ready() {
  interrupted_ = false;  // Python's handlers run by themselves, now that the loop is awake
  if (!resumed_.empty()) {
    Exchange* exchange = resumed_.back();
    resumed_.pop_back();
    ++progress_;
    return {Ready::Kind::resumed, exchange};
  }
  if (!queue_.empty()) return {Ready::Kind::request, pop_front()};
  return {ended_ ? Ready::Kind::ended : Ready::Kind::nothing, nullptr};
}

void ExecutorQueue::resume(Exchange* exchange) {
  const std::lock_guard lock(mutex_);
  resumed_.push_back(exchange);
  news_.store(true, std::memory_order_relaxed);
}

bool ExecutorQueue::end_turn() {
  if (!bell_ || !news_.exchange(false, std::memory_order_acq_rel)) return false;
  bell_->ring();
  return true;
}

void ExecutorQueue::interrupt() {
  Waiter* waiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(waiters_.begin(), waiters_.end(), [](const Waiter* w) { return w->main; });
    if (found == waiters_.end()) {
      interrupted_ = true;
      return news_.store(true, std::memory_order_relaxed);
    }
    waiter = *found;
    forget(found);
  }
  wake(*waiter, Wakeup::interrupted);
}

std::deque<ExecutorQueue::Entry> ExecutorQueue::end() {
  std::vector<Waiter*> waiters;
  std::deque<Entry> dropped;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    news_.store(true, std::memory_order_relaxed);
    waiters.swap(waiters_);
    dropped.swap(queue_);
    first_ = 0;
    asking_.store(0, std::memory_order_relaxed);
    queue_changed();
  }
  for (Waiter* waiter : waiters) wake(*waiter, Wakeup::ended);
  return dropped;
}

}  // namespace gserve::net
