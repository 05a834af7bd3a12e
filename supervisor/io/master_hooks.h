// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/core/actions.h"
#include "supervisor/core/hook_queue.h"
#include "supervisor/io/event_loop.h"
#include "supervisor/io/hook_process.h"
#include "supervisor/io/log_files.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/signals.h"

namespace gserve::io {

/// The hooks of gunicorn's master: which generation has which, and their calls by the hook process. There is no
/// process while no generation has had any.
///
/// Before the loop runs and after it has ended calls are waited for (start, ready, finish); in between nothing
/// waits, and what depends on a call is told by `over`.
class MasterHooks {
 public:
  /// `logs` is borrowed.
  MasterHooks(const StartContext& context, std::string instance, LogFiles& logs);

  // --- outside the loop; each throws StartFailure when a hook has raised, hung or was cut short by a signal ---
  /// nworkers_changed and on_starting.
  void start(const Deployment& deployment, SignalQueue& signals);
  void when_ready(SignalQueue& signals);

  /// What has been asked and on_exit, each within its limit; then the process ends.
  void finish(SignalQueue& signals);

  // --- in the loop ---
  using Over = std::function<void(const core::HookCall& call)>;
  using Present = std::function<std::vector<PresentWorker>()>;
  /// `over` is told of each call that is over, `present` says who is there, `idle` that nothing is asked any more.
  void attach(EventLoop& loop, Present present, Over over, std::function<void()> idle);
  /// Before what was attached goes.
  void detach();

  /// The configuration is that of the generation: a reload has adopted it, which is when on_reload is called.
  void adopt(core::Generation generation, const Deployment& deployment);
  void copy(core::Generation from, core::Generation to);
  void forget(core::Generation generation);

  bool has(core::Generation generation, std::string_view hook) const;
  bool any() const { return !origins_.empty(); }
  /// Where it is set.
  void pre_fork(const core::Spawn& order);
  void child_exit(core::Generation generation, const PresentWorker& worker);
  /// The present generation and the desired number of workers: calls nworkers_changed if that is another one.
  void note(core::Generation generation, int target);
  void pre_exec();
  bool idle() const { return queue_.idle(); }
  void hand_over_log();

  bool owns(core::Pid pid) const { return pid != 0 && pid == process_.pid(); }
  void ended(const Reaped& reaped);

  /// For an upgrade, when it is idle.
  std::optional<HookProcessState> state() const;
  /// What another program in this process had. `origin` of each generation that it knows.
  void restore(const HookProcessState& state);
  void know(core::Generation generation, const Deployment& deployment);
  void set_target(core::Generation generation, int target);

 private:
  struct Origin {
    HookOrigin launch;
    std::set<std::string, std::less<>> hooks;
    core::Duration call_limit{};
    core::Duration boot_limit{};
  };
  void call(core::HookCall call);
  void ask(core::Generation generation, const char* hook);
  void run(const core::HookActions& actions);
  void act(const core::StartHookProcess& action);
  void act(const core::SendHookCall& action);
  void act(const core::KillHookProcess& action);
  void act(const core::HookOver& action);
  void act(const core::Log& action);
  void hear();
  void watch();
  void unwatch();
  void arm();
  bool wait(SignalQueue& signals);
  bool wait_a_turn(SignalQueue& signals);
  void require(const char* hook, core::Duration limit, SignalQueue& signals);

  const StartContext& context_;
  std::string instance_;
  LogFiles& logs_;
  core::HookQueue queue_;
  HookProcess process_;
  std::map<core::Generation, Origin> origins_;  // of those that have hooks
  core::Generation generation_ = 1;             // the present one
  int target_ = 0;
  std::string failure_;  // why the last call has failed
  bool failed_ = false;

  EventLoop* loop_ = nullptr;
  std::optional<boost::asio::steady_timer> timer_;
  Present present_ = [] { return std::vector<PresentWorker>(); };
  Over over_ = [](const core::HookCall&) {};
  std::function<void()> idle_ = [] {};
};

}  // namespace gserve::io
