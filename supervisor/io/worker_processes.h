// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/launch_registry.h"
#include "supervisor/io/notify_socket.h"
#include "supervisor/io/oom_account.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/worker_launcher.h"
#include "supervisor/ports/control_bus.h"
#include "supervisor/ports/journal.h"
#include "supervisor/ports/workers.h"

namespace gserve::io {

/// The live workers: starts them, speaks to them, and turns what they say and how they end into events.
class WorkerProcesses : public ports::Workers {
 public:
  /// All borrowed.
  WorkerProcesses(WorkerLauncher& launcher, const Deployments& deployments, ports::Journal& journal,
                  ports::OomCounter& oom_counter)
      : launcher_(launcher), deployments_(deployments), journal_(journal), oom_account_(oom_counter) {}

  /// The live launches, for an upgrade.
  std::vector<LaunchState> states();
  void restore(std::vector<Launch> launches);

  std::variant<core::Pid, std::string> spawn(const core::Spawn& order) override;
  void signal(core::LaunchId launch, int signal) override;
  core::ScoreboardSampled sample(const core::SampleScoreboard& order) override;
  void hand_over_logs() override;

  /// What a message means for the core, in order; nothing when its sender is not the launch it speaks for.
  std::vector<core::Event> understand(const WorkerMessage& message);

  /// The launch is over: logs what it left behind and lets go of it. Nothing for a process that is no worker
  /// (an orphan of an application); those are counted.
  std::optional<core::WorkerExited> ended(const Reaped& reaped);
  std::uint64_t orphans() const { return orphans_; }

  /// Joins the core's view of a worker with its scoreboard and the system's figures.
  ports::WorkerReport report(const core::WorkerView& view, core::TimePoint now);

 private:
  void journal_incident(const Launch& launch);
  core::ExitStatus explained(const Launch& launch, core::ExitStatus status);

  WorkerLauncher& launcher_;
  const Deployments& deployments_;
  ports::Journal& journal_;
  OomAccount oom_account_;
  LaunchRegistry registry_;
  std::uint64_t orphans_ = 0;
};

}  // namespace gserve::io
