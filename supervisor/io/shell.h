// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/io/admin_server.h"
#include "supervisor/io/cgroup_oom_counter.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/engine.h"
#include "supervisor/io/event_loop.h"
#include "supervisor/io/hooked_workers.h"
#include "supervisor/io/incident_log.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/program_upgrade.h"
#include "supervisor/io/reexecution.h"
#include "supervisor/io/resources.h"
#include "supervisor/io/sd_bus_control.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"
#include "supervisor/io/systemd_notifier.h"
#include "supervisor/io/worker_launcher.h"
#include "supervisor/io/worker_processes.h"
#include "supervisor/ports/control_bus.h"
#include "supervisor/ports/metrics.h"

namespace gserve::io {

/// How this program was called, to call another one so.
ProgramCall program_call(const StartContext& context);

/// The supervisor around its core: sources of events on one side, ports on the other. One thread.
///
/// Order of what the core hears: a worker's messages come before its exit, and its pid is freed only between
/// the two; see reap_children.
class Shell : public ports::ControlHandler {
 public:
  /// A new service; nothing runs yet. All but `deployment` is borrowed. Throws std::system_error.
  Shell(const StartContext& context, SignalQueue& signals, Resources& resources,
        const Deployment& deployment);
  /// A service that another program in this process ran until now. `launches` are taken only when nothing can
  /// fail any more.
  Shell(const StartContext& context, SignalQueue& signals, Resources& resources, const ServiceState& state,
        LiveLaunches& launches);
  ~Shell() override;

  /// `hears` is called when the service can serve.
  void on_ready(std::function<void()> hears) { notifier_.on_ready(std::move(hears)); }

  /// Runs the service to its end; the exit code of the process.
  int run();
  /// Goes on with it. `failure`: the program that was to go on could not, and why.
  int resume(const std::string& failure);

  ports::StatusReport status() override;
  std::optional<core::JobView> job(core::JobId id) override;
  std::vector<ports::SettingReport> settings() override;
  const std::deque<ports::Incident>& incidents() override { return incidents_.all(); }
  void submit(const core::Event& request) override;
  ports::MetricsReport metrics();
  /// Whether requests are wanted here; if not, `why` in one line.
  bool wants_requests(std::string& why) const;

 private:
  Shell(const StartContext& context, SignalQueue& signals, Resources& resources, Deployments deployments,
        core::Supervisor supervisor);
  void start_control();
  void start_admin();
  int slots(const core::StatusView& view, const std::string& pool) const;
  int serve();
  ServiceState state(const std::string& path);
  void reexecute();
  void announce();
  void on_signals();
  void on_signal(int signal);
  void on_notify();
  void on_templates();
  void on_children();
  void settle();
  void finish();
  void report_metrics();
  void attach_hooks();
  bool hooks_allow();
  void note_target();
  void report_backlog();
  void log(core::LogLevel level, std::string text);

  const StartContext& context_;
  SignalQueue& signals_;
  Resources& resources_;
  Deployments deployments_;
  SystemdNotifier notifier_;
  BoostProcessLauncher process_launcher_;
  WorkerLauncher worker_launcher_;
  CgroupOomCounter oom_counter_;
  WorkerProcesses workers_;
  HookedWorkers hooked_;
  IncidentLog incidents_;
  EventLoop loop_;
  boost::asio::steady_timer backlog_timer_;
  ProgramUpgrade upgrade_;
  Engine engine_;
  std::unique_ptr<SdBusControl> control_;  // null: none
  std::unique_ptr<AdminServer> admin_;     // null: none
  core::JobId pre_exec_job_ = 0;           // the upgrade that pre_exec was last called for
};

}  // namespace gserve::io
