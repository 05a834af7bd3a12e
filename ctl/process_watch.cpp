// SPDX-License-Identifier: MIT
#include "ctl/process_watch.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace gserve::ctl {

ProcessWatch::ProcessWatch(pid_t pid) {
  if (pid > 0) pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool ProcessWatch::wait_gone(Deadline deadline) const {
  pollfd watched{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&watched, 1, poll_timeout(deadline));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

int poll_timeout(Deadline deadline) {
  if (!deadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

}  // namespace gserve::ctl
