// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace gserve::net {

/// Keeps the server's descriptors out of processes that the application forks.
///
/// Every descriptor the server makes is made and recorded under one lock, and closed and forgotten under it.
/// The fork handlers hold that lock across fork(), so the child's copy of the record is exact: no descriptor
/// of ours is missing from it, and none in it has meanwhile become the application's. The lock is recursive
/// because Python's fork hooks and pthread_atfork may both take it for the same fork.
class ForkGuard {
 public:
  ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  std::recursive_mutex& mutex() { return mutex_; }

  /// Records `fd` (and returns it); the caller holds the mutex since before it was made. A negative `fd`
  /// passes through. A descriptor beyond the process's limit at start (RLIMIT_NOFILE) is closed: returns -1
  /// with EMFILE.
  int adopt(int fd);
  /// Forgets `fd`, which is the caller's from now on. Any thread.
  void release(int fd);
  /// Forgets and closes. Any thread. Leaves errno alone.
  void close(int fd);
  /// A descriptor that the server uses but does not own; closed in children only. Before the threads start.
  void lend(int fd);

  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  /// Closes `first`, then everything recorded and lent; from then on dead().
  void after_fork_in_child(int first);
  /// Whether this is a forked child: nothing of the server may be used.
  bool dead() const { return dead_.load(std::memory_order_relaxed); }

 private:
  bool recorded(int fd) const;

  std::recursive_mutex mutex_;
  std::vector<std::uint64_t>
      owned_;  // a bit for each descriptor number; never grows, so that children can read it
  std::vector<int> lent_;
  std::atomic<bool> dead_{false};
};

/// Owns one descriptor recorded in a ForkGuard.
class TrackedFd {
 public:
  TrackedFd() = default;
  TrackedFd(ForkGuard& guard, int fd) : guard_(&guard), fd_(fd) {}
  TrackedFd(TrackedFd&& other) noexcept : guard_(other.guard_), fd_(std::exchange(other.fd_, -1)) {}
  TrackedFd& operator=(TrackedFd&& other) noexcept {
    if (this != &other) {
      reset();
      guard_ = other.guard_;
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  TrackedFd(const TrackedFd&) = delete;
  TrackedFd& operator=(const TrackedFd&) = delete;
  ~TrackedFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) guard_->close(std::exchange(fd_, -1));
  }
  /// Gives the descriptor up without closing it.
  int release() {
    if (fd_ >= 0) guard_->release(fd_);
    return std::exchange(fd_, -1);
  }

 private:
  ForkGuard* guard_ = nullptr;
  int fd_ = -1;
};

/// Makes a descriptor with `make()` (returns it, or -1 with errno) under the guard's lock.
template <typename Make>
TrackedFd make_tracked(ForkGuard& guard, Make make) {
  const std::lock_guard lock(guard.mutex());
  return {guard, guard.adopt(make())};
}

}  // namespace gserve::net
