// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/ports/oom_counter.h"

namespace gserve::io {

/// The `oom_kill` counter of this process's own control group: memory.events in version 2
/// (Documentation/admin-guide/cgroup-v2.rst), memory.oom_control in version 1. Both count kills by any OOM
/// killer, the machine's too. Where it is found out once, by /proc/self/cgroup and /proc/self/mountinfo
/// (proc(5)).
class CgroupOomCounter : public ports::OomCounter {
 public:
  /// `root` stands in front of all paths.
  explicit CgroupOomCounter(const std::string& root = "");
  std::optional<std::uint64_t> kills() override;

  /// The file that is read; empty: there is none.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace gserve::io
