// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace gserve {

/// Owns one file descriptor and closes it exactly once. Movable, not copyable. Not thread safe.
class UniqueFd {
 public:
  UniqueFd() = default;
  /// Takes ownership of `fd`; a negative value means "none".
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives the descriptor up without closing it.
  int release() { return std::exchange(fd_, -1); }
  /// Closes the owned descriptor, if any, and owns `fd` instead. Leaves errno alone.
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace gserve
