// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "supervisor/core/actions.h"
#include "supervisor/core/events.h"
#include "supervisor/core/types.h"

namespace gserve::ports {

/// The worker and template processes. What is said of a launch that has ended is ignored. None blocks or
/// throws.
class Workers {
 public:
  virtual ~Workers() = default;
  /// A process was started (its pid), or not (one clear line; then nothing of it is left).
  using Started = std::variant<core::Pid, std::string>;
  /// Nothing when the answer comes later, as an event: a template forks the worker.
  virtual std::optional<Started> spawn(const core::Spawn& order) = 0;
  virtual Started spawn_template(const core::SpawnTemplate& order) = 0;
  virtual void signal(core::LaunchId launch, int signal) = 0;
  /// The actions Rest, Serve and Promote. A worker that cannot be told is ended: what becomes of it is seen by
  /// its exit.
  virtual void rest(core::LaunchId launch) = 0;
  virtual void serve(core::LaunchId launch) = 0;
  virtual void promote(core::LaunchId launch) = 0;
  /// What the worker's scoreboard says now; an empty sample if it says nothing.
  virtual core::ScoreboardSampled sample(const core::SampleScoreboard& order) = 0;
  /// Hands the present log descriptors to every worker and template.
  virtual void hand_over_logs() = 0;
};

}  // namespace gserve::ports
