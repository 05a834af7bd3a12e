// SPDX-License-Identifier: MIT
#include "worker/net/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>

namespace gserve::net {
namespace {

constexpr std::size_t kBatch = 256;
constexpr Nanos kPreciseBelow = 20 * kMillisecond;

/// Rounded up: waking early would only mean waiting again.
int to_milliseconds(Nanos timeout) {
  if (timeout < 0) return -1;
  const Nanos rounded = (timeout + kMillisecond - 1) / kMillisecond;
  return static_cast<int>(std::min<Nanos>(rounded, std::numeric_limits<int>::max()));
}

}  // namespace

Poller::Poller(ForkGuard& guard)
    : epoll_(make_tracked(guard, [] { return ::epoll_create1(EPOLL_CLOEXEC); })) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "cannot make an epoll instance");
  events_.reserve(kBatch);
}

int Poller::add(int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int Poller::watch_shared(int fd, std::uint64_t token) {
  return add(fd, EPOLLIN | EPOLLEXCLUSIVE, token);
}

int Poller::watch_connection(int fd, std::uint64_t token) {
  return add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
}

int Poller::watch_input(int fd, std::uint64_t token) {
  return add(fd, EPOLLIN, token);
}

int Poller::watch_wakeups(int fd, std::uint64_t token) {
  return add(fd, EPOLLIN | EPOLLET, token);
}

void Poller::forget(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

int Poller::wait_for(std::span<epoll_event> room, Nanos timeout) {
  const int most = static_cast<int>(room.size());
  // 0 and for ever need no precision; a wait of many milliseconds does not either.
  if (timeout > 0 && timeout < kPreciseBelow && precise_) {
    const timespec limit{0, timeout};
    const int n = ::epoll_pwait2(epoll_.get(), room.data(), most, &limit, nullptr);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
    precise_ = false;
  }
  return ::epoll_wait(epoll_.get(), room.data(), most, to_milliseconds(timeout));
}

bool Poller::more() const {
  return events_.size() == kBatch;
}

std::span<const Poller::Event> Poller::wait(Nanos timeout) {
  std::array<epoll_event, kBatch> raw;
  const int n = wait_for(raw, timeout);
  events_.clear();
  for (int i = 0; i < n; ++i) {
    const std::uint32_t flags = raw[static_cast<std::size_t>(i)].events;
    events_.push_back({raw[static_cast<std::size_t>(i)].data.u64, (flags & EPOLLIN) != 0,
                       (flags & EPOLLOUT) != 0, (flags & EPOLLRDHUP) != 0,
                       (flags & (EPOLLERR | EPOLLHUP)) != 0});
  }
  return events_;
}

}  // namespace gserve::net
