// SPDX-License-Identifier: MIT
#include "worker/net/fork_guard.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace gserve::net {
namespace {

constexpr rlim_t kMostDescriptors = 1U << 20;

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMostDescriptors;
  return static_cast<std::size_t>(std::min(limit.rlim_max, kMostDescriptors));
}

}  // namespace

ForkGuard::ForkGuard() : owned_(descriptor_limit() / 64 + 1) {}

int ForkGuard::adopt(int fd) {
  if (fd < 0) return fd;
  const auto index = static_cast<std::size_t>(fd);
  if (index / 64 >= owned_.size()) {
    ::close(fd);
    errno = EMFILE;
    return -1;
  }
  owned_[index / 64] |= std::uint64_t{1} << (index % 64);
  return fd;
}

void ForkGuard::release(int fd) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(fd);
  owned_[index / 64] &= ~(std::uint64_t{1} << (index % 64));
}

void ForkGuard::close(int fd) {
  if (dead()) return;
  const int saved = errno;
  const std::lock_guard lock(mutex_);
  release(fd);
  ::close(fd);
  errno = saved;
}

void ForkGuard::lend(int fd) {
  if (fd > STDERR_FILENO) lent_.push_back(fd);
}

bool ForkGuard::recorded(int fd) const {
  const auto index = static_cast<std::size_t>(fd);
  return (owned_[index / 64] >> (index % 64) & 1) != 0;
}

void ForkGuard::after_fork_in_child(int first) {
  if (dead()) return;
  dead_.store(true, std::memory_order_relaxed);
  if (first >= 0) ::close(first);
  for (int fd = 0; fd < static_cast<int>(owned_.size() * 64); ++fd) {
    if (owned_[static_cast<std::size_t>(fd) / 64] == 0) fd |= 63;  // nothing in this word
    if (fd != first && recorded(fd)) ::close(fd);
  }
  for (const int fd : lent_) ::close(fd);
}

}  // namespace gserve::net
