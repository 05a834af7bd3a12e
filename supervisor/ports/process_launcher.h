// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"

namespace gserve::ports {

/// As whom a process runs: real, effective and saved ids, and the supplementary groups.
struct Identity {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::vector<std::uint32_t> groups;
  bool operator==(const Identity&) const = default;
};

/// One process to start. Nothing of the supervisor's own leaks into it: signal mask and dispositions are
/// reset, only `fds` (as 3, 4, ...) and stdin, stdout, stderr are open, RLIMIT_NOFILE is the one the
/// supervisor was given.
struct ProcessSpec {
  std::vector<std::string> argv;         // argv[0] is an absolute path
  std::vector<std::string> environment;  // NAME=VALUE; LISTEN_PID is added by the launcher
  std::vector<int> fds;                  // borrowed; become 3, 4, ... in this order
  int output = -1;                       // borrowed; becomes stdout and stderr; -1: they are inherited
  std::string directory;                 // working directory, empty: inherited; entered as the supervisor
  std::optional<Identity> identity;      // taken last before the execution; empty: the supervisor's
};

/// A running child. The pidfd is for signalling, never for waiting: the reaper waits.
struct Process {
  core::Pid pid = 0;
  UniqueFd pidfd;
};

class ProcessLauncher {
 public:
  virtual ~ProcessLauncher() = default;
  /// The process, or why it could not be started (one clear line; nothing is left behind).
  virtual std::variant<Process, std::string> launch(const ProcessSpec& spec) = 0;
};

}  // namespace gserve::ports
