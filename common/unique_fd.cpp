// SPDX-License-Identifier: MIT
#include "common/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace gserve {

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old < 0 || old == fd) return;
  const int saved = errno;
  ::close(old);  // On Linux the descriptor is free even after EINTR (close(2)): never retried.
  errno = saved;
}

}  // namespace gserve
