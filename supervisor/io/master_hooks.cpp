// SPDX-License-Identifier: MIT
#include "supervisor/io/master_hooks.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "supervisor/config/hooks.h"
#include "supervisor/io/resources.h"

namespace gserve::io {
namespace {

using std::chrono::steady_clock;

constexpr core::Generation kFirst = 1;

core::Duration seconds(const config::Settings& settings, std::string_view name) {
  return std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(settings.seconds(name)));
}

}  // namespace

MasterHooks::MasterHooks(const StartContext& context, std::string instance, LogFiles& logs)
    : context_(context), instance_(std::move(instance)), logs_(logs), process_(context.nofile) {}

void MasterHooks::know(core::Generation generation, const Deployment& deployment) {
  Origin origin;
  for (const std::string_view hook : config::master_hooks()) {
    if (!deployment.settings.is_none(hook)) origin.hooks.emplace(hook);
  }
  if (origin.hooks.empty()) return;
  origin.launch = hook_origin(context_, instance_, deployment, generation);
  origin.call_limit = seconds(deployment.settings, "hook_timeout");
  origin.boot_limit = seconds(deployment.settings, "boot_timeout");
  queue_.set_starting_limit(origin.boot_limit);
  origins_.insert_or_assign(generation, std::move(origin));
}

bool MasterHooks::has(core::Generation generation, std::string_view hook) const {
  const auto found = origins_.find(generation);
  return found != origins_.end() && found->second.hooks.contains(hook);
}

// --- outside the loop ---
void MasterHooks::start(const Deployment& deployment, SignalQueue& signals) {
  know(kFirst, deployment);
  target_ = static_cast<int>(deployment.settings.integer("workers"));
  if (!any()) return;
  const core::Duration limit = origins_.at(kFirst).boot_limit;
  require("nworkers_changed", limit, signals);
  require("on_starting", limit, signals);
}

void MasterHooks::when_ready(SignalQueue& signals) {
  if (any()) require("when_ready", origins_.at(kFirst).boot_limit, signals);
}

/// The process is started even if that hook is not set; it then does nothing.
void MasterHooks::require(const char* hook, core::Duration limit, SignalQueue& signals) {
  if (!has(kFirst, hook) && process_.pid() != 0) return;
  failed_ = false;
  failure_.clear();
  call({hook, kFirst, 0, 0, 0, target_, std::nullopt, limit});
  if (!wait(signals)) throw StartFailure(0, std::string("stopped before the hook ") + hook + " had returned");
  if (!failed_) return;
  const std::string why = failure_.empty() ? "the error log says why" : core::last_line(failure_);
  throw StartFailure(1, std::string("the hook ") + hook + " has failed: " + why);
}

/// Until nothing is asked any more; false when a signal has asked to stop before.
bool MasterHooks::wait(SignalQueue& signals) {
  while (queue_.waiting()) {
    if (!wait_a_turn(signals)) return false;
  }
  return true;
}

bool MasterHooks::wait_a_turn(SignalQueue& signals) {
  std::optional<std::chrono::milliseconds> limit;
  if (const auto due = queue_.next_deadline()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - steady_clock::now());
    limit = std::max(left, std::chrono::milliseconds(1));
  }
  if (!signals.wait_unless_stopped(process_.fd(), limit)) return false;
  hear();
  run(queue_.on_due(steady_clock::now()));
  return true;
}

void MasterHooks::finish(SignalQueue& signals) {
  detach();
  if (any()) ask(generation_, "on_exit");
  // A process that hangs is not replaced any more.
  while (queue_.waiting() && queue_.state() != core::HookQueue::State::killing && wait_a_turn(signals))
    continue;
  run(queue_.close());
  process_.end();
}

// --- in the loop ---
void MasterHooks::attach(EventLoop& loop, Present present, Over over, std::function<void()> idle) {
  loop_ = &loop;
  timer_.emplace(loop.context());
  present_ = std::move(present);
  over_ = std::move(over);
  idle_ = std::move(idle);
  watch();
  if (any()) run(queue_.want(steady_clock::now()));
}

void MasterHooks::detach() {
  unwatch();
  timer_.reset();
  loop_ = nullptr;
  present_ = [] { return std::vector<PresentWorker>(); };
  over_ = [](const core::HookCall&) {};
}

void MasterHooks::adopt(core::Generation generation, const Deployment& deployment) {
  know(generation, deployment);
  const auto found = origins_.find(generation);
  if (found == origins_.end()) return;
  if (queue_.state() == core::HookQueue::State::none) {
    run(queue_.want(steady_clock::now()));
  } else {
    call({core::kConfigure, generation, 0, 0, 0, target_, std::nullopt, found->second.boot_limit});
  }
  ask(generation, "on_reload");
}

void MasterHooks::copy(core::Generation from, core::Generation to) {
  const auto found = origins_.find(from);
  if (found != origins_.end()) origins_.insert_or_assign(to, Origin(found->second));
}

void MasterHooks::forget(core::Generation generation) {
  if (origins_.erase(generation) > 0) process_.forget(generation);
}

void MasterHooks::pre_fork(const core::Spawn& order) {
  const core::Duration limit = origins_.at(order.generation).call_limit;
  call({"pre_fork", order.generation, order.launch, 0, order.age, target_, std::nullopt, limit});
}

void MasterHooks::child_exit(core::Generation generation, const PresentWorker& worker) {
  if (!has(generation, "child_exit")) return;
  const core::Duration limit = origins_.at(generation).call_limit;
  call({"child_exit", generation, worker.launch, worker.pid, worker.age, target_, std::nullopt, limit});
}

void MasterHooks::note(core::Generation generation, int target) {
  generation_ = generation;
  const int before = std::exchange(target_, target);
  if (before == target || !has(generation, "nworkers_changed")) return;
  call({"nworkers_changed", generation, 0, 0, 0, target, before, origins_.at(generation).call_limit});
}

void MasterHooks::pre_exec() {
  ask(generation_, "pre_exec");
}

void MasterHooks::ask(core::Generation generation, const char* hook) {
  if (!has(generation, hook)) return;
  call({hook, generation, 0, 0, 0, target_, std::nullopt, origins_.at(generation).call_limit});
}

void MasterHooks::hand_over_log() {
  if (process_.pid() != 0) process_.hand_over_log(logs_.error_fd());
}

void MasterHooks::ended(const Reaped& reaped) {
  hear();
  unwatch();
  process_.gone();
  run(queue_.on_exit(reaped.status, steady_clock::now()));
}

// --- an upgrade ---
std::optional<HookProcessState> MasterHooks::state() const {
  auto state = process_.state();
  if (state) state->last_call = queue_.last_id();
  return state;
}

void MasterHooks::restore(const HookProcessState& state) {
  process_.restore(state);
  queue_.take_over(state.last_call, steady_clock::now());
}

void MasterHooks::set_target(core::Generation generation, int target) {
  generation_ = generation;
  target_ = target;
}

// --- the queue and the process ---
void MasterHooks::call(core::HookCall call) {
  run(queue_.call(std::move(call), steady_clock::now()));
}

void MasterHooks::run(const core::HookActions& actions) {
  for (const core::HookAction& action : actions) {
    std::visit([this](const auto& each) { act(each); }, action);
  }
  arm();
  if (loop_ && queue_.idle()) idle_();
}

void MasterHooks::act(const core::StartHookProcess& /*action*/) {
  // Of the newest: the file is only there as it is now.
  const std::string reason = origins_.empty()
                                 ? "no configuration has hooks"
                                 : process_.start(origins_.rbegin()->second.launch, logs_.error_fd());
  if (!reason.empty()) return run(queue_.on_start_failed(reason, steady_clock::now()));
  watch();
}

void MasterHooks::act(const core::SendHookCall& action) {
  const auto origin = origins_.find(action.call.generation);
  const bool configures = action.call.name == core::kConfigure;
  if (configures && origin == origins_.end())
    return run(queue_.on_answer(action.id, true, steady_clock::now()));
  const std::string reason =
      configures ? process_.configure(action.id, origin->second.launch) : process_.call(action, present_());
  if (reason.empty()) return;
  logs_.write({core::LogLevel::error,
               "the hook process does not take a call of " + action.call.name + ": " + reason});
  run(queue_.on_answer(action.id, false, steady_clock::now()));
}

void MasterHooks::act(const core::KillHookProcess& /*action*/) {
  process_.kill();
}

void MasterHooks::act(const core::HookOver& action) {
  failed_ = failed_ || !action.well;
  over_(action.call);
}

void MasterHooks::act(const core::Log& action) {
  logs_.write(action);
}

void MasterHooks::hear() {
  if (process_.fd() < 0) return;
  bool over = false;
  for (const HookWord& word : process_.hear(&over)) {
    if (std::holds_alternative<HookProcessReady>(word)) {
      run(queue_.on_ready(steady_clock::now()));
      continue;
    }
    const auto& answer = std::get<HookAnswer>(word);
    failure_ = answer.raised;
    run(queue_.on_answer(answer.id, answer.raised.empty(), steady_clock::now()));
  }
  if (!over) return;
  unwatch();
  process_.kill();  // it can be told nothing any more
  if (loop_) return;
  const core::Pid pid = process_.pid();
  const core::ExitStatus status = reap_child(pid);
  process_.gone();
  run(queue_.on_exit(status, steady_clock::now()));
}

void MasterHooks::watch() {
  if (loop_ && process_.fd() >= 0) loop_->watch(process_.fd(), [this] { hear(); });
}

void MasterHooks::unwatch() {
  if (loop_ && process_.fd() >= 0) loop_->unwatch(process_.fd());
}

void MasterHooks::arm() {
  if (!timer_) return;
  const auto due = queue_.next_deadline();
  if (!due) {
    timer_->cancel();
    return;
  }
  timer_->expires_at(*due);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) run(queue_.on_due(steady_clock::now()));
  });
}

}  // namespace gserve::io
