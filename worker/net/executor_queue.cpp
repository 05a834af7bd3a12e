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

void ExecutorQueue::push(Exchange* exchange) {
  Waiter* waiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (waiters_.empty()) {
      queue_.push_back(exchange);
      return news_.store(true, std::memory_order_relaxed);
    }
    waiter = waiters_.back();
    waiters_.pop_back();
    waiter->exchange = exchange;
  }
  wake(*waiter, Wakeup::exchange);
}

void ExecutorQueue::wake(Waiter& waiter, Wakeup reason) {
  // Once the word is set the waiter may return and its stack frame be gone; waking an address that nobody
  // waits on is harmless.
  waiter.wakeup.store(static_cast<std::uint32_t>(reason), std::memory_order_release);
  futex_wake(&waiter.wakeup);
}

Exchange* ExecutorQueue::take(bool* interrupted) {
  if (interrupted != nullptr) *interrupted = false;
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (interrupted != nullptr && std::exchange(interrupted_, false)) {
      *interrupted = true;
      return nullptr;
    }
    if (!queue_.empty()) {
      Exchange* exchange = queue_.front();
      queue_.pop_front();
      return exchange;
    }
    if (ended_) return nullptr;
    waiter.main = interrupted != nullptr;
    waiters_.push_back(&waiter);
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
    return {Ready::Kind::resumed, exchange};
  }
  if (!queue_.empty()) {
    Exchange* exchange = queue_.front();
    queue_.pop_front();
    return {Ready::Kind::request, exchange};
  }
  return {ended_ ? Ready::Kind::ended : Ready::Kind::nothing, nullptr};
}

void ExecutorQueue::resume(Exchange* exchange) {
  const std::lock_guard lock(mutex_);
  resumed_.push_back(exchange);
  news_.store(true, std::memory_order_relaxed);
}

void ExecutorQueue::end_turn() {
  if (bell_ && news_.exchange(false, std::memory_order_acq_rel)) bell_->ring();
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
    waiters_.erase(found);
  }
  wake(*waiter, Wakeup::interrupted);
}

std::deque<Exchange*> ExecutorQueue::end() {
  std::vector<Waiter*> waiters;
  std::deque<Exchange*> dropped;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    news_.store(true, std::memory_order_relaxed);
    waiters.swap(waiters_);
    dropped.swap(queue_);
  }
  for (Waiter* waiter : waiters) wake(*waiter, Wakeup::ended);
  return dropped;
}

}  // namespace gserve::net
