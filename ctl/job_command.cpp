// SPDX-License-Identifier: MIT
#include "ctl/job_command.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

namespace gserve::ctl {
namespace {

using Clock = std::chrono::steady_clock;

// A connection that says nothing is closed by the supervisor after ten minutes, and a signal may have been
// missed.
constexpr std::chrono::seconds kAskAgain{60};
// From the end of the connection to the end of the process: what a supervisor still has to clean up.
constexpr std::chrono::seconds kEndOfProcess{5};

// Upgrades one after the other, while one job is followed.
constexpr int kReconnects = 100;

Clock::time_point earlier(Deadline deadline, Clock::time_point other) {
  return deadline ? std::min(*deadline, other) : other;
}

bool is_over(Deadline deadline) {
  return deadline && Clock::now() >= *deadline;
}

}  // namespace

JobCommand::JobCommand(const Arguments& arguments, std::unique_ptr<BusClient> client, pid_t supervisor,
                       Deadline deadline, Connect connect, JobDisplay& display)
    : arguments_(arguments),
      client_(std::move(client)),
      process_(supervisor),
      deadline_(deadline),
      connect_(std::move(connect)),
      display_(display) {}

Outcome JobCommand::run(const std::string& instance) {
  outcome_ = {name_of(arguments_.command), instance, "failed", std::nullopt, ""};
  if (!arguments_.no_wait) begin_display();
  const Result<JobId> submitted = submit();
  if (const auto* failure = std::get_if<Failure>(&submitted)) {
    outcome_.reason = failure->reason;
    return outcome_;
  }
  outcome_.job = std::get<JobId>(submitted);
  outcome_.result = "running";
  if (!arguments_.no_wait) follow();
  return outcome_;
}

Result<JobId> JobCommand::submit() {
  switch (arguments_.command) {
    case Command::stop:
      return client_->stop(arguments_.quick);
    case Command::reload:
      return client_->reload();
    case Command::rollback:
      return client_->rollback();
    case Command::refork:
      return client_->refork();
    case Command::restart:
      return client_->restart();
    case Command::worker_restart:
      return client_->restart_worker(arguments_.pid);
    case Command::worker_kill:
      return client_->kill_worker(arguments_.pid);
    case Command::reopen:
      return client_->reopen_logs();
    case Command::upgrade:
      return client_->upgrade(arguments_.binary);
    default:
      return client_->scale(arguments_.scale);
  }
}

void JobCommand::follow() {
  last_answer_ = Clock::now();
  for (;;) {
    const auto next = client_->next_event(earlier(deadline_, next_look()));
    if (const auto* failure = std::get_if<Failure>(&next)) {
      if (lost(*failure)) return;
      continue;
    }
    const auto& event = std::get<std::optional<JobEvent>>(next);
    if (event && on_event(*event)) return;
    if (event) continue;
    if (is_over(deadline_)) return time_out();
    look();
    if (Clock::now() >= last_answer_ + kAskAgain && ask()) return;
  }
}

/// A display of what the workers do needs to know what they did before.
void JobCommand::begin_display() {
  if (!display_.interval()) return;
  const Result<Status> answer = client_->status();
  const auto* status = std::get_if<Status>(&answer);
  display_.begin(Turnover(arguments_.command, status != nullptr ? *status : Status(), arguments_.pid),
                 Clock::now());
}

Clock::time_point JobCommand::next_look() const {
  const auto interval = display_.interval();
  return interval ? Clock::now() + *interval : last_answer_ + kAskAgain;
}

/// A connection that has ended meanwhile is noticed where events are waited for.
void JobCommand::look() {
  if (!display_.interval()) return;
  const Result<Status> answer = client_->status();
  if (const auto* status = std::get_if<Status>(&answer)) return display_.look(*status, Clock::now());
  display_.tick(Clock::now());
}

/// Whether it was the end of our job.
bool JobCommand::on_event(const JobEvent& event) {
  if (event.job != outcome_.job) return false;
  if (event.finished) {
    finish(event.result, event.reason);
  } else {
    display_.say(event.text, Clock::now());
  }
  return event.finished;
}

/// Asks for the job's state. Whether it is over.
bool JobCommand::ask() {
  last_answer_ = Clock::now();
  const Result<Job> answer = client_->job(*outcome_.job);
  if (const auto* failure = std::get_if<Failure>(&answer)) return lost(*failure);
  const Job& job = std::get<Job>(answer);
  if (job.state == "running") return false;
  finish(job.state, job.reason);
  return true;
}

/// The connection is of no use any more. Whether that is the end: after an upgrade the supervisor, the same
/// process, knows our job still.
bool JobCommand::lost(const Failure& failure) {
  const bool may_be_upgrade = failure.kind == Failure::Kind::lost && arguments_.command != Command::stop &&
                              reconnects_++ < kReconnects;
  if (may_be_upgrade && connect_again()) return ask();
  on_broken(failure);
  return true;
}

/// The socket listens all through an upgrade: whoever connects is served after it.
bool JobCommand::connect_again() {
  if (process_.can_see() && process_.wait_gone(Clock::now())) return false;
  auto opened = connect_();
  if (std::holds_alternative<Failure>(opened)) return false;
  client_ = std::get<std::unique_ptr<BusClient>>(std::move(opened));
  return true;
}

void JobCommand::finish(const std::string& result, const std::string& reason) {
  outcome_.result = result;
  outcome_.reason = reason;
  look();
  // A stop may be superseded by a quicker one: the process ends all the same.
  if (arguments_.command == Command::stop && result != "failed") await_process();
}

void JobCommand::await_process() {
  if (!process_.can_see() || process_.wait_gone(deadline_)) {
    outcome_.result = "done";
    return;
  }
  time_out();
}

void JobCommand::on_broken(const Failure& failure) {
  const bool gone = process_.can_see() && arguments_.command == Command::stop &&
                    process_.wait_gone(earlier(deadline_, Clock::now() + kEndOfProcess));
  outcome_.result = gone ? "done" : "unknown";
  outcome_.reason =
      gone ? "" : failure.reason + "; the result of job " + std::to_string(*outcome_.job) + " is unknown";
}

void JobCommand::time_out() {
  std::ostringstream text;
  text << "timed out after " << arguments_.timeout.value_or(0) << " s, job " << *outcome_.job << " goes on";
  outcome_.result = "unknown";
  outcome_.reason = text.str();
}

}  // namespace gserve::ctl
