// SPDX-License-Identifier: MIT
#include "worker/net/loop_bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace gserve::net {

LoopBell::LoopBell(ForkGuard& guard)
    : event_(make_tracked(guard, [] { return ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); })) {
  if (!event_)
    throw std::system_error(errno, std::generic_category(), "cannot make an eventfd for the event loop");
}

void LoopBell::ring() {
  if (!idle_.load(std::memory_order_seq_cst) || !idle_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  // It cannot fail but by overflow, after 2^64 rings.
  [[maybe_unused]] const ssize_t n = ::write(event_.get(), &one, sizeof one);
  rung_.store(true, std::memory_order_release);
}

void LoopBell::silence() {
  // A loop that comes before this was stored finds the descriptor readable once more, and silences it then.
  if (!rung_.exchange(false, std::memory_order_acq_rel)) return;
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t n = ::read(event_.get(), &rings, sizeof rings);
}

}  // namespace gserve::net
