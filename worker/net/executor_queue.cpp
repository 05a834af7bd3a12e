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
      return;
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

void ExecutorQueue::interrupt() {
  Waiter* waiter = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(waiters_.begin(), waiters_.end(), [](const Waiter* w) { return w->main; });
    if (found == waiters_.end()) {
      interrupted_ = true;
      return;
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
    waiters.swap(waiters_);
    dropped.swap(queue_);
  }
  for (Waiter* waiter : waiters) wake(*waiter, Wakeup::ended);
  return dropped;
}

}  // namespace gserve::net
