// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/unique_fd.h"

/// Executing another program in this process, which keeps its pid, its children, its blocked and pending
/// signals and the descriptors that are passed on (execve(2)).
///
/// The program finds in GSERVE_UPGRADE "PID:STATE:IMAGE": the process that it is meant for, the memory file
/// with the state, and the program that was executing before, so that it can be executed again if the state
/// cannot be restored; then GSERVE_UPGRADE_FAILED says why.
namespace gserve::io {

/// What a program needs to execute another: its own command line and environment.
struct ProgramCall {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=VALUE
};

/// What was passed to this program when it was executed in the place of another.
struct PassedOn {
  int state = -1;
  int image = -1;
  std::string
      failure;  // why the program that was executed in this one's place gave it back; empty: it did not
};

/// Takes the variables out of this process's environment; nothing if they are not there or meant for another
/// process.
std::optional<PassedOn> take_passed_on();

/// Executes the program at `path` with the state and, besides it, `fds` open. Returns only on failure, with
/// everything as it was: one line.
std::string execute(const std::string& path, const ProgramCall& call, const UniqueFd& state,
                    const std::vector<int>& fds);

/// Gives the process back to the program that passed it on, with the same state. Nothing that was passed on
/// may have been closed or made close-on-exec. Returns only on failure.
std::string give_back(const PassedOn& passed, const ProgramCall& call, const std::string& why);

void set_cloexec(int fd, bool on);

}  // namespace gserve::io
