// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>

#include "supervisor/io/master_hooks.h"
#include "supervisor/io/worker_processes.h"
#include "supervisor/ports/workers.h"

namespace gserve::io {

/// Starts workers when the hook pre_fork has been called for them; passes on everything else.
class HookedWorkers : public ports::Workers {
 public:
  using Deliver = std::function<void(core::Event)>;
  /// Both are borrowed. `deliver` gets the answers that come later.
  HookedWorkers(WorkerProcesses& workers, MasterHooks& hooks, Deliver deliver)
      : workers_(workers), hooks_(hooks), deliver_(std::move(deliver)) {}

  /// The hook is over: starts the worker, if it was held for that.
  void release(core::LaunchId launch);

  std::optional<Started> spawn(const core::Spawn& order) override;
  Started spawn_template(const core::SpawnTemplate& order) override { return workers_.spawn_template(order); }
  void signal(core::LaunchId launch, int signal) override { workers_.signal(launch, signal); }
  void rest(core::LaunchId launch) override { workers_.rest(launch); }
  void serve(core::LaunchId launch) override { workers_.serve(launch); }
  void promote(core::LaunchId launch) override { workers_.promote(launch); }
  core::ScoreboardSampled sample(const core::SampleScoreboard& order) override {
    return workers_.sample(order);
  }
  void hand_over_logs() override;

 private:
  WorkerProcesses& workers_;
  MasterHooks& hooks_;
  Deliver deliver_;
  std::map<core::LaunchId, core::Spawn> held_;
};

}  // namespace gserve::io
