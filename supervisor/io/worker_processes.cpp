// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_processes.h"

#include <signal.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/launch_contract.h"
#include "supervisor/io/descriptor_passing.h"
#include "supervisor/io/lifeline.h"
#include "supervisor/io/process_usage.h"
#include "supervisor/io/worker_text.h"

namespace gserve::io {
namespace {

/// A worker's CLOCK_MONOTONIC as ours: the same clock.
core::TimePoint time_point(std::uint64_t nanoseconds) {
  return core::TimePoint(std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

void restore_launches(const ServiceState& state, LiveLaunches& live) {
  live.launches.reserve(state.launches.size());
  for (const LaunchState& launch : state.launches) live.launches.push_back(restore_launch(launch));
  for (const TemplateState& origin : state.templates) {
    live.templates.emplace(origin.launch, TemplateSocket(UniqueFd(origin.control)));
  }
  live.requests.restore(state.forks);
}

void WorkerProcesses::save(ServiceState& state) {
  for (const auto& [id, launch] : registry_.all()) state.launches.push_back(launch.state());
  for (const auto& [id, socket] : templates_) state.templates.push_back({id, socket.fd()});
  state.forks = requests_.states();
  state.request_totals = gone_.states();
}

void WorkerProcesses::restore(LiveLaunches live) {
  for (Launch& launch : live.launches) registry_.add(std::move(launch));
  templates_ = std::move(live.templates);
  requests_ = std::move(live.requests);
}

void WorkerProcesses::watch_templates() {
  for (const auto& [id, socket] : templates_) watch_(socket.fd(), true);
}

std::optional<ports::Workers::Started> WorkerProcesses::spawn(const core::Spawn& order) {
  const Deployment* deployment = deployments_.find(order.generation);
  if (!deployment) return "no configuration for generation " + std::to_string(order.generation);
  if (order.from != 0) return ask_template(order, *deployment);
  auto result = launcher_.launch(order, *deployment);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  Launch& launch = std::get<Launch>(result);
  const core::Pid pid = launch.pid;
  registry_.add(std::move(launch));
  return pid;
}

std::optional<ports::Workers::Started> WorkerProcesses::ask_template(const core::Spawn& order,
                                                                     const Deployment& deployment) {
  const auto found = templates_.find(order.from);
  if (found == templates_.end()) return "its template has ended";
  auto result = launcher_.provide(order, deployment);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  Provision& provision = std::get<Provision>(result);
  TemplateSocket& socket = found->second;
  std::string reason = socket.ask_fork(order.launch, provision.names, provision.fds);
  if (!reason.empty()) {
    // Who has closed the socket cannot be a template any more: the application closed what was not its own.
    if (socket.ended()) signal(order.from, SIGKILL);
    return reason;
  }
  requests_.add(order.from, std::move(provision.launch));
  return std::nullopt;
}

ports::Workers::Started WorkerProcesses::spawn_template(const core::SpawnTemplate& order) {
  const Deployment* deployment = deployments_.find(order.generation);
  if (!deployment) return "no configuration for generation " + std::to_string(order.generation);
  auto result = launcher_.launch_template(order, *deployment);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  auto& [launch, control] = std::get<TemplateLaunch>(result);
  const core::Pid pid = launch.pid;
  registry_.add(std::move(launch));
  const auto entry = templates_.emplace(order.launch, TemplateSocket(std::move(control))).first;
  watch_(entry->second.fd(), true);
  return pid;
}

void WorkerProcesses::signal(core::LaunchId id, int signal) {
  Launch* launch = registry_.find(id);
  if (launch && send_signal(*launch, signal) && signal == SIGKILL) launch->killed = true;
}

void WorkerProcesses::rest(core::LaunchId id) {
  tell(id, contract::kLifelineRest);
}

void WorkerProcesses::serve(core::LaunchId id) {
  tell(id, contract::kLifelineServe);
}

void WorkerProcesses::tell(core::LaunchId id, std::string_view word) {
  const Launch* launch = registry_.find(id);
  if (!launch) return;
  const std::string reason = send_word(launch->lifeline.get(), word);
  if (reason.empty()) return;
  journal_.write(
      {core::LogLevel::warning,
       "the worker did not take the message to " + std::string(word) + ", so it is told to drain: " + reason,
       launch->pid, launch->generation});
  signal(id, SIGTERM);
}

void WorkerProcesses::promote(core::LaunchId id) {
  const Launch* launch = registry_.find(id);
  if (!launch || templates_.contains(id)) return;
  try {
    auto [ours, theirs] = packet_pair("a template");
    const std::string reason = send_promotion(launch->lifeline.get(), theirs.get());
    if (!reason.empty()) throw std::runtime_error("it did not take the message: " + reason);
    const auto entry = templates_.emplace(id, TemplateSocket(std::move(ours))).first;
    watch_(entry->second.fd(), true);
  } catch (const std::exception& error) {
    journal_.write({core::LogLevel::error,
                    std::string("cannot make the worker a template, killing it: ") + error.what(),
                    launch->pid, launch->generation});
    signal(id, SIGKILL);
  }
}

core::ScoreboardSampled WorkerProcesses::sample(const core::SampleScoreboard& order) {
  core::ScoreboardSampled sampled{order.launch, std::nullopt, {}, 0, 0, std::nullopt};
  oom_account_.forget_old(std::chrono::steady_clock::now());
  const Launch* launch = registry_.find(order.launch);
  if (launch && order.memory) sampled.rss_bytes = resident_bytes(launch->pid);
  const auto sample = launch ? launch->scoreboard.sample() : std::nullopt;
  if (!sample) return sampled;
  sampled.requests = sample->requests;
  sampled.errors = sample->errors;
  sampled.in_flight = static_cast<int>(sample->in_flight);
  if (!sample->running.empty()) {
    sampled.oldest_start = time_point(sample->running.front().started_ns);
    sampled.request_line = sample->running.front().line;
    if (sample->in_flight <= sample->running.size()) {
      sampled.youngest_start = time_point(sample->running.back().started_ns);
    }
  }
  return sampled;
}

void WorkerProcesses::hand_over_logs() {
  const SharedDescriptors shared = launcher_.descriptors();
  for (const auto& [id, launch] : registry_.all()) hand_over_logs(launch, shared);
  for (const Launch* launch : requests_.launches()) hand_over_logs(*launch, shared);
}

void WorkerProcesses::hand_over_logs(const Launch& launch, const SharedDescriptors& shared) {
  if (send_logs(launch.lifeline.get(), shared.error_log, shared.access_log)) return;
  journal_.write({core::LogLevel::warning,
                  "the worker did not take the reopened logs; it goes on with the old ones", launch.pid,
                  launch.generation});
}

std::vector<core::Event> WorkerProcesses::understand(const WorkerMessage& message) {
  if (requests_.hold(message)) return {};
  const Launch* launch = registry_.find(message.launch);
  if (!launch || launch->pid != message.sender) {
    journal_.write({core::LogLevel::warning,
                    "ignored a notification for launch " + std::to_string(message.launch) +
                        ": the sender is not that worker",
                    message.sender, 0});
    return {};
  }
  std::vector<core::Event> events;
  const auto boot_error = message.fields.find(contract::kNotifyBootError);
  if (boot_error != message.fields.end()) {
    events.push_back(core::WorkerBootError{launch->id, decode_boot_error(boot_error->second)});
  }
  const auto recycle = message.fields.find(contract::kNotifyRecycle);
  if (recycle != message.fields.end()) {
    events.push_back(core::WorkerDue{launch->id, printable_word(recycle->second)});
  }
  const auto changed = message.fields.find(contract::kNotifyChanged);
  if (changed != message.fields.end()) {
    const auto [stamp, path] = decode_change(changed->second);
    events.push_back(core::CodeChanged{launch->id, path, stamp});
  }
  if (message.says("READY")) events.push_back(core::WorkerReady{launch->id});
  if (message.says("STOPPING")) events.push_back(core::WorkerStopping{launch->id});
  return events;
}

std::vector<core::Event> WorkerProcesses::hear_templates() {
  std::vector<core::Event> events;
  for (auto& [from, socket] : templates_) hear(from, socket, events);
  adopt_born(events);
  return events;
}

void WorkerProcesses::hear(core::LaunchId from, TemplateSocket& socket, std::vector<core::Event>& events) {
  for (TemplateMessage& message : socket.receive()) {
    switch (message.kind) {
      case TemplateMessage::Kind::born:
        requests_.born(from, message.launch, std::move(message.pidfd));
        break;
      case TemplateMessage::Kind::forked:
        // The process in the middle is no more: the worker is ours, or it is none.
        adopt_born(events);
        message.reason = "the template has not forked it";
        [[fallthrough]];
      case TemplateMessage::Kind::failed:
        if (requests_.drop(from, message.launch)) {
          events.push_back(core::WorkerSpawnFailed{message.launch, message.reason});
        }
    }
  }
  if (socket.ended()) unwatch(socket);
}

void WorkerProcesses::adopt_born(std::vector<core::Event>& events) {
  for (ForkRequests::Worker& worker : requests_.take_ours()) {
    const core::LaunchId id = worker.launch.id;
    if (registry_.find_by_pid(worker.launch.pid)) {
      events.push_back(core::WorkerSpawnFailed{id, "the template has passed another worker's process"});
      continue;
    }
    events.push_back(core::WorkerSpawned{id, worker.launch.pid});
    registry_.add(std::move(worker.launch));
    for (const WorkerMessage& message : worker.said) {
      for (core::Event& event : understand(message)) events.push_back(std::move(event));
    }
  }
}

void WorkerProcesses::unwatch(TemplateSocket& socket) {
  watch_(socket.fd(), false);
}

std::vector<core::Event> WorkerProcesses::ended(const Reaped& reaped) {
  std::vector<core::Event> events;
  const Launch* launch = registry_.find_by_pid(reaped.pid);
  if (launch) {
    bury(*launch, reaped.status, events);
  } else {
    ++orphans_;
  }
  adopt_born(events);  // it may have been the middle of a fork whose template has gone
  return events;
}

void WorkerProcesses::bury(const Launch& launch, const core::ExitStatus& status,
                           std::vector<core::Event>& events) {
  const core::LaunchId id = launch.id;
  if (const auto found = templates_.find(id); found != templates_.end()) {
    for (const core::LaunchId unborn : requests_.drop_unborn(id)) {
      events.push_back(core::WorkerSpawnFailed{unborn, "its template ended before it had forked it"});
    }
    unwatch(found->second);
    templates_.erase(found);
  }
  core::WorkerExited exited{id, explained(launch, status)};
  if (const auto sample = launch.scoreboard.sample()) {
    exited.requests = sample->requests;
    exited.errors = sample->errors;
    gone_.add(launch.pool, *sample);
  }
  take_remains(launch);
  registry_.remove(id);
  events.push_back(exited);
}

/// A SIGKILL that we did not send may be the kernel's.
core::ExitStatus WorkerProcesses::explained(const Launch& launch, core::ExitStatus status) {
  const bool killed = status.kind == core::ExitStatus::Kind::signalled && status.code == SIGKILL;
  if (killed && !launch.killed) status.out_of_memory = oom_account_.claim();
  return status;
}

/// The heir first: it looks at the log as the process has left it.
void WorkerProcesses::take_remains(const Launch& launch) {
  const Remains remains = gather_remains(launch, std::chrono::steady_clock::now());
  heir_(remains);
  std::string text = stacks_text(remains);
  if (!text.empty()) {
    journal_.write({core::LogLevel::error, std::move(text), launch.pid, launch.generation});
  }
}

RequestTotals WorkerProcesses::totals() {
  RequestTotals totals = gone_;
  for (const auto& [id, launch] : registry_.all()) {
    if (const auto sample = launch.scoreboard.sample()) totals.add(launch.pool, *sample);
  }
  return totals;
}

std::vector<PresentWorker> WorkerProcesses::present() {
  std::vector<PresentWorker> workers;
  for (const auto& [id, launch] : registry_.all()) {
    if (!templates_.contains(id)) workers.push_back({id, launch.pid, launch.age});
  }
  return workers;
}

ports::TemplateReport WorkerProcesses::report(const core::TemplateView& view, core::TimePoint now) {
  ports::TemplateReport report{view.pid, view.pool, view.state, view.generation, now - view.started, 0};
  if (registry_.find(view.launch)) report.rss_bytes = resident_bytes(view.pid);
  return report;
}

ports::WorkerReport WorkerProcesses::report(const core::WorkerView& view, core::TimePoint now) {
  ports::WorkerReport report{};
  report.pid = view.pid;
  report.pool = view.pool;
  report.state = view.state;
  report.generation = view.generation;
  report.age = now - view.started;
  report.due = view.due;
  report.spare = view.spare;
  const Launch* launch = registry_.find(view.launch);
  if (!launch) return report;
  report.rss_bytes = resident_bytes(launch->pid);
  report.cpu = cpu_time(launch->pid);
  const auto sample = launch->scoreboard.sample();
  if (!sample) return report;
  report.requests = sample->requests;
  report.errors = sample->errors;
  report.connections = sample->connections;
  report.durations = sample->durations;
  report.in_flight = sample->in_flight;
  if (!sample->running.empty()) {
    report.request = sample->running.front().line;
    report.request_age = now - time_point(sample->running.front().started_ns);
  }
  return report;
}

}  // namespace gserve::io
