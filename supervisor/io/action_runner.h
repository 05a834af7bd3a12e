// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>

#include "supervisor/core/actions.h"
#include "supervisor/core/events.h"
#include "supervisor/ports/configuration.h"
#include "supervisor/ports/control_bus.h"
#include "supervisor/ports/incidents.h"
#include "supervisor/ports/journal.h"
#include "supervisor/ports/listeners.h"
#include "supervisor/ports/notifier.h"
#include "supervisor/ports/upgrader.h"
#include "supervisor/ports/workers.h"

namespace gserve::io {

/// What actions are carried out with. Borrowed; `control` is null while there is no control interface.
struct ActionPorts {
  ports::Workers& workers;
  ports::Configuration& configuration;
  ports::Journal& journal;
  ports::Listeners& listeners;
  ports::Notifier& notifier;
  ports::Upgrader& upgrader;
  ports::Incidents& incidents;
  ports::ControlBus* control = nullptr;
};

/// Carries actions out, in order. Answers go to `answer` at once; who receives them must not call back from
/// there.
class ActionRunner {
 public:
  using Answer = std::function<void(core::Event)>;
  ActionRunner(ActionPorts ports, Answer answer) : ports_(ports), answer_(std::move(answer)) {}

  void set_control(ports::ControlBus* control) { ports_.control = control; }
  void run(const core::Actions& actions);
  /// Set once the core has asked for the end.
  std::optional<int> exit_code() const { return exit_code_; }

 private:
  void answer_start(core::LaunchId launch, ports::Workers::Started result);
  void act(const core::Spawn& action);
  void act(const core::SpawnTemplate& action);
  void act(const core::SignalWorker& action);
  void act(const core::Rest& action);
  void act(const core::Serve& action);
  void act(const core::Promote& action);
  void act(const core::SampleScoreboard& action);
  void act(const core::LoadConfig& action);
  void act(const core::AdoptConfig& action);
  void act(const core::CopyConfig& action);
  void act(const core::ForgetGeneration& action);
  void act(const core::CheckUpgrade& action);
  void act(const core::Reexecute& action);
  void act(const core::GiveUpUpgrade& action);
  void act(const core::StopListening& action);
  void act(const core::ReopenLogs& action);
  void act(const core::NotifyReady& action);
  void act(const core::NotifyReloading& action);
  void act(const core::NotifyStopping& action);
  void act(const core::NotifyStatus& action);
  void act(const core::NotifyExtendTimeout& action);
  void act(const core::NotifyWatchdog& action);
  void act(const core::Log& action);
  void act(const core::RecordIncident& action);
  void act(const core::JobAccepted& action);
  void act(const core::JobRefused& action);
  void act(const core::JobProgress& action);
  void act(const core::JobFinished& action);
  void act(const core::Exit& action);

  ActionPorts ports_;
  Answer answer_;
  std::optional<int> exit_code_;
};

}  // namespace gserve::io
