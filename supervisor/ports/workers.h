// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "supervisor/core/actions.h"
#include "supervisor/core/events.h"
#include "supervisor/core/types.h"

namespace gserve::ports {

/// The worker processes. What is said of a launch that has ended is ignored. None blocks or throws.
class Workers {
 public:
  virtual ~Workers() = default;
  /// The new worker's pid, or one clear line; then nothing of it is left.
  virtual std::variant<core::Pid, std::string> spawn(const core::Spawn& order) = 0;
  virtual void signal(core::LaunchId launch, int signal) = 0;
  /// What the worker's scoreboard says now; an empty sample if it says nothing.
  virtual core::ScoreboardSampled sample(const core::SampleScoreboard& order) = 0;
  /// Hands the present log descriptors to every worker.
  virtual void hand_over_logs() = 0;
};

}  // namespace gserve::ports
