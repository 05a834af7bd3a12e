// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "worker/net/fork_guard.h"

namespace gserve::net {

/// Where spooled data goes, and from which size on. Not memfd: that is charged to the memory cgroup.
struct SpoolSettings {
  std::string dir;
  std::size_t memory_limit;
  std::uint64_t spool_limit;
  std::uint64_t body_limit;  // from here on a request's body streams; within memory_limit: none is spooled
};

/// What a worker's bodies may hold in memory, all of them together, beyond their own memory_limit: a file costs
/// several times as much. I/O thread only.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size) : left_(size) {}
  bool take(std::size_t size) {
    if (size > left_) return false;
    left_ -= size;
    return true;
  }
  void give_back(std::size_t size) { left_ += size; }

 private:
  std::size_t left_;
};

/// Opens a file without a name in `dir` (O_TMPFILE, else mkostemp and unlink). Empty on error, with errno.
TrackedFd open_spool(ForkGuard& guard, const std::string& dir);

/// Writes all of `data` at `offset`; false with errno.
bool write_at(int fd, std::string_view data, off_t offset);

/// The configured directory, else $TMPDIR, else /tmp.
std::string spool_dir(const std::string& configured);

}  // namespace gserve::net
