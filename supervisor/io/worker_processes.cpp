// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_processes.h"

#include <signal.h>

#include <chrono>
#include <string>
#include <utility>

#include "common/launch_contract.h"
#include "supervisor/io/incident.h"
#include "supervisor/io/lifeline.h"
#include "supervisor/io/process_memory.h"
#include "supervisor/io/worker_text.h"

namespace gserve::io {
namespace {

/// A worker's CLOCK_MONOTONIC as ours: the same clock.
core::TimePoint time_point(std::uint64_t nanoseconds) {
  return core::TimePoint(std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

std::vector<LaunchState> WorkerProcesses::states() {
  std::vector<LaunchState> states;
  for (const auto& [id, launch] : registry_.all()) states.push_back(launch.state());
  return states;
}

void WorkerProcesses::restore(std::vector<Launch> launches) {
  for (Launch& launch : launches) registry_.add(std::move(launch));
}

std::variant<core::Pid, std::string> WorkerProcesses::spawn(const core::Spawn& order) {
  const Deployment* deployment = deployments_.find(order.generation);
  if (!deployment) return "no configuration for generation " + std::to_string(order.generation);
  auto result = launcher_.launch(order, *deployment);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  Launch& launch = std::get<Launch>(result);
  const core::Pid pid = launch.pid;
  registry_.add(std::move(launch));
  return pid;
}

void WorkerProcesses::signal(core::LaunchId id, int signal) {
  Launch* launch = registry_.find(id);
  if (launch && send_signal(*launch, signal) && signal == SIGKILL) launch->killed = true;
}

core::ScoreboardSampled WorkerProcesses::sample(const core::SampleScoreboard& order) {
  core::ScoreboardSampled sampled{order.launch, std::nullopt, {}, 0, 0, std::nullopt};
  oom_account_.forget_old(std::chrono::steady_clock::now());
  const Launch* launch = registry_.find(order.launch);
  if (launch && order.memory) sampled.rss_bytes = resident_bytes(launch->pid);
  const auto sample = launch ? launch->scoreboard.sample() : std::nullopt;
  if (!sample) return sampled;
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
  for (auto& [id, launch] : registry_.all()) {
    if (!send_logs(launch.lifeline.get(), shared.error_log, shared.access_log)) {
      journal_.write({core::LogLevel::warning,
                      "the worker did not take the reopened logs; it goes on with the old ones", launch.pid,
                      launch.generation});
    }
  }
}

std::vector<core::Event> WorkerProcesses::understand(const WorkerMessage& message) {
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
  if (message.says("READY")) events.push_back(core::WorkerReady{launch->id});
  if (message.says("STOPPING")) events.push_back(core::WorkerStopping{launch->id});
  return events;
}

std::optional<core::WorkerExited> WorkerProcesses::ended(const Reaped& reaped) {
  const Launch* launch = registry_.find_by_pid(reaped.pid);
  if (!launch) {
    ++orphans_;
    return std::nullopt;
  }
  const core::WorkerExited exited{launch->id, explained(*launch, reaped.status)};
  journal_incident(*launch);
  registry_.remove(exited.launch);
  return exited;
}

/// A SIGKILL that we did not send may be the kernel's.
core::ExitStatus WorkerProcesses::explained(const Launch& launch, core::ExitStatus status) {
  const bool killed = status.kind == core::ExitStatus::Kind::signalled && status.code == SIGKILL;
  if (killed && !launch.killed) status.out_of_memory = oom_account_.claim();
  return status;
}

void WorkerProcesses::journal_incident(const Launch& launch) {
  std::string text = incident_text(launch);
  if (!text.empty()) {
    journal_.write({core::LogLevel::error, std::move(text), launch.pid, launch.generation});
  }
}

ports::WorkerReport WorkerProcesses::report(const core::WorkerView& view, core::TimePoint now) {
  ports::WorkerReport report{};
  report.pid = view.pid;
  report.pool = view.pool;
  report.state = view.state;
  report.generation = view.generation;
  report.age = now - view.started;
  report.due = view.due;
  const Launch* launch = registry_.find(view.launch);
  if (!launch) return report;
  report.rss_bytes = resident_bytes(launch->pid);
  const auto sample = launch->scoreboard.sample();
  if (!sample) return report;
  report.requests = sample->requests;
  report.in_flight = sample->in_flight;
  if (!sample->running.empty()) {
    report.request = sample->running.front().line;
    report.request_age = now - time_point(sample->running.front().started_ns);
  }
  return report;
}

}  // namespace gserve::io
