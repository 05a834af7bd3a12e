// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "common/unique_fd.h"

namespace gserve::ctl {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;  // none: for ever

/// Sees the end of a process that is not our child, by pidfd (pidfd_open(2)): a pid number alone may be
/// reused.
class ProcessWatch {
 public:
  /// To be made while the process is known to live.
  explicit ProcessWatch(pid_t pid);
  /// Whether the end can be seen at all: not from another pid namespace.
  bool can_see() const { return static_cast<bool>(pidfd_); }
  /// Waits for the process's end; whether it came before the deadline.
  bool wait_gone(Deadline deadline) const;

 private:
  UniqueFd pidfd_;
};

/// Milliseconds until `deadline`, rounded up, as poll(2) takes them: 0 when it has passed, -1 for none.
int poll_timeout(Deadline deadline);

}  // namespace gserve::ctl
