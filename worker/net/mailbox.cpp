// SPDX-License-Identifier: MIT
#include "worker/net/mailbox.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gserve::net {

Mailbox::Mailbox(ForkGuard& guard)
    : event_(make_tracked(guard, [] { return ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); })) {
  if (!event_)
    throw std::system_error(errno, std::generic_category(), "cannot make an eventfd for the I/O thread");
}

void Mailbox::post(Letterbox& box, std::uint32_t letter) {
  if (box.letters.fetch_or(letter, std::memory_order_acq_rel) != 0) return;  // already on the list
  Letterbox* head = newest_.load(std::memory_order_relaxed);
  do {
    box.next = head;
  } while (!newest_.compare_exchange_weak(head, &box, std::memory_order_seq_cst, std::memory_order_relaxed));
}

// begin_sleep() stores sleeping_ and then reads poked_ and newest_; senders write those and then read
// sleeping_. All are sequentially consistent, so at least one side sees the other.
void Mailbox::wake() {
  poked_.store(true, std::memory_order_seq_cst);
  if (!sleeping_.load(std::memory_order_seq_cst) || !sleeping_.exchange(false, std::memory_order_seq_cst))
    return;
  const std::uint64_t one = 1;
  // It cannot fail but by overflow, after 2^64 wake-ups.
  [[maybe_unused]] const ssize_t n = ::write(event_.get(), &one, sizeof one);
}

void Mailbox::gather(Nanos most) {
  const timespec limit{most / kSecond, most % kSecond};
  ::syscall(SYS_futex, &gathering_, FUTEX_WAIT_PRIVATE, 1, &limit, nullptr, 0);
  gathering_.store(0, std::memory_order_relaxed);
}

void Mailbox::end_gathering() {
  if (gathering_.exchange(0, std::memory_order_seq_cst) == 0) return;
  ::syscall(SYS_futex, &gathering_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

Letterbox* Mailbox::take() {
  if (newest_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  Letterbox* newest = newest_.exchange(nullptr, std::memory_order_acquire);
  Letterbox* oldest = nullptr;
  while (newest != nullptr) {
    Letterbox* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

bool Mailbox::begin_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  const bool poked =
      poked_.load(std::memory_order_seq_cst) && poked_.exchange(false, std::memory_order_seq_cst);
  if (!poked && newest_.load(std::memory_order_seq_cst) == nullptr) return true;
  end_sleep();
  return false;
}

}  // namespace gserve::net
