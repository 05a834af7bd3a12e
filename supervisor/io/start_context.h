// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <map>
#include <string>
#include <vector>

#include "supervisor/config/command_line.h"
#include "supervisor/core/types.h"

namespace gserve::io {

/// How this process was started: read once, before anything changes it.
struct StartContext {
  config::Invocation invocation;
  std::map<std::string, std::string> environment;
  std::vector<std::string> argv;  // with the program's name
  std::string binary;             // absolute path that this program was started from, for the next upgrade
  std::string binary_directory;   // absolute, symbolic links resolved; the binary may be replaced later
  rlimit nofile{};                // RLIMIT_NOFILE as it was given to us
  core::TimePoint started;

  config::Environment lookup() const;
};

/// Reads the context and puts the process into the state that the supervisor needs: descriptors 0 to 2 open,
/// as many descriptors as the hard limit allows, orphaned grandchildren become our children. Throws
/// std::system_error.
StartContext prepare_process(int argc, char** argv);

/// Entries NAME=VALUE by name; what has no '=' is left out.
std::map<std::string, std::string> by_name(const std::vector<std::string>& environment);

}  // namespace gserve::io
