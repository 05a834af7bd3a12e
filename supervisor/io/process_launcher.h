// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include "supervisor/ports/process_launcher.h"

namespace gserve::io {

/// Starts processes with Boost.Process, fenced in: its process object is let go at once (its destructor would
/// kill and wait), the reaper owns every pid.
class BoostProcessLauncher : public ports::ProcessLauncher {
 public:
  /// `nofile` is the RLIMIT_NOFILE that children get.
  explicit BoostProcessLauncher(const rlimit& nofile) : nofile_(nofile) {}

  std::variant<ports::Process, std::string> launch(const ports::ProcessSpec& spec) override;

 private:
  rlimit nofile_;
};

}  // namespace gserve::io
