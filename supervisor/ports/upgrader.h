// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/core/types.h"

namespace gserve::ports {

/// Replaces the running program. None blocks for long or throws.
class Upgrader {
 public:
  virtual ~Upgrader() = default;
  /// Starts the program at `binary` (empty: the path that this one was started from) as a child that finds
  /// out whether it can take over. Why it could not even be started; empty: its answer comes as an event.
  virtual std::string check(core::JobId job, const std::string& binary) = 0;
  /// Executes the program that was checked as soon as everything that has happened is handled.
  virtual void reexecute(core::JobId job) = 0;
  /// Ends the check, or takes the wish to execute back.
  virtual void give_up(core::JobId job) = 0;
};

}  // namespace gserve::ports
