// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "supervisor/io/deployments.h"
#include "supervisor/io/engine.h"
#include "supervisor/io/event_loop.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/resources.h"
#include "supervisor/io/sd_bus_control.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"
#include "supervisor/io/systemd_notifier.h"
#include "supervisor/io/worker_launcher.h"
#include "supervisor/io/worker_processes.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::io {

/// The supervisor around its core: sources of events on one side, ports on the other. One thread.
///
/// Order of what the core hears: a worker's messages come before its exit, and its pid is freed only between
/// the two; see reap_children.
class Shell : public ports::ControlHandler {
 public:
  /// Takes what the service needs; nothing runs yet. `context` is borrowed. Throws StartFailure or
  /// std::system_error.
  Shell(const StartContext& context, Deployment deployment);
  ~Shell() override;

  /// Runs the service to its end; the exit code of the process.
  int run();

  ports::StatusReport status() override;
  std::optional<core::JobView> job(core::JobId id) override;
  void submit(const core::Event& request) override;

 private:
  /// Nobody asks for an upgrade yet.
  struct NoUpgrader : ports::Upgrader {
    std::string check(core::JobId, const std::string&) override { return "not supported"; }
    void reexecute(core::JobId) override {}
    void give_up(core::JobId) override {}
  };

  void start_control();
  void announce();
  void on_signals();
  void on_signal(int signal);
  void on_notify();
  void on_children();
  void settle();
  void finish();
  void log(core::LogLevel level, std::string text);

  const StartContext& context_;
  SignalQueue signals_;
  Resources resources_;
  Deployments deployments_;
  SystemdNotifier notifier_;
  BoostProcessLauncher process_launcher_;
  WorkerLauncher worker_launcher_;
  WorkerProcesses workers_;
  NoUpgrader upgrader_;
  EventLoop loop_;
  Engine engine_;
  std::unique_ptr<SdBusControl> control_;  // null: none
};

}  // namespace gserve::io
