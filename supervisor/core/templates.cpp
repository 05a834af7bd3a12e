// SPDX-License-Identifier: MIT
#include "supervisor/core/templates.h"

#include <cassert>
#include <csignal>
#include <utility>

namespace gserve::core {
namespace {

TimerOwner timer_of(const TemplateHandle& handle) {
  return {TimerOwner::Kind::template_process, handle.launch};
}

bool missed_boot(const TemplateHandle& handle) {
  return !handle.ready_at && handle.state() >= TemplateState::aborting;
}

/// It was ready and is aborted: see Templates::on_stuck.
bool is_stuck(const TemplateHandle& handle) {
  return handle.ready_at && handle.state() >= TemplateState::aborting;
}

std::string summary_of(const TemplateHandle& handle, const ExitStatus& status) {
  if (is_stuck(handle)) return "did not fork a worker; " + describe(status);
  if (handle.ready_at) return describe(status);
  if (missed_boot(handle)) return "was not ready within " + describe(handle.boot_timeout) + " (boot_timeout)";
  const std::string early = describe(status) + " before it was ready";
  return handle.boot_error.empty() ? early : early + ": " + last_line(handle.boot_error);
}

std::optional<IncidentKind> incident_of(const TemplateHandle& handle, const ExitStatus& status) {
  if (status.out_of_memory) return IncidentKind::out_of_memory;
  if (!handle.ready_at) return IncidentKind::boot_failure;
  if (is_stuck(handle)) return IncidentKind::timeout;
  return status == ExitStatus{} ? std::nullopt : std::optional(IncidentKind::crash);
}

std::string boot_failure_reason(const TemplateHandle& handle, const ExitStatus& status) {
  if (!handle.boot_error.empty()) return handle.boot_error;
  const std::string who = "template (pid " + std::to_string(handle.pid) + ") ";
  if (missed_boot(handle)) {
    return who + "was not ready within " + describe(handle.boot_timeout) + " (boot_timeout)";
  }
  return who + describe(status) + " before it was ready";
}

}  // namespace

void Templates::restore(const std::vector<TemplateRecord>& records) {
  for (const TemplateRecord& record : records) {
    const TemplateHandle& handle = templates_.try_emplace(record.facts.launch, record).first->second;
    Cohort* own = cohort(handle);
    if (!own) continue;
    own->source = handle.launch;
    own->source_ready = handle.state() == TemplateState::ready;
  }
}

std::vector<TemplateRecord> Templates::records() const {
  std::vector<TemplateRecord> records;
  for (const auto& [launch, handle] : templates_) records.push_back(handle.record());
  return records;
}

TemplateHandle* Templates::find(LaunchId launch) {
  const auto found = templates_.find(launch);
  return found == templates_.end() ? nullptr : &found->second;
}

bool Templates::needed(const TemplateHandle& handle) const {
  return pools_[handle.pool].needs_template(handle.generation);
}

Cohort* Templates::cohort(const TemplateHandle& handle) {
  WorkerPool& pool = pools_[handle.pool];
  return pool.knows(handle.generation) ? &pool.cohort(handle.generation) : nullptr;
}

std::string Templates::name(const TemplateHandle& handle) const {
  std::string text = label_of(pools_, pools_[handle.pool]) + "template (";
  if (handle.pid != 0) text += "pid " + std::to_string(handle.pid) + ", ";
  return text + "generation " + std::to_string(handle.generation) + ") ";
}

void Templates::start(LaunchId launch, WorkerPool& pool, Generation generation, TimePoint now) {
  const auto index = static_cast<std::size_t>(&pool - pools_.data());
  Cohort& cohort = pool.cohort(generation);
  TemplateHandle& handle =
      templates_.try_emplace(launch, launch, index, generation, cohort.config, now).first->second;
  cohort.source = launch;
  if (const auto limit = handle.limit()) timers_.arm(timer_of(handle), now + *limit);
  outbox_.push(SpawnTemplate{launch, pool.name(), generation});
}

void Templates::adopt(const WorkerHandle& worker, Generation generation, TimePoint now) {
  Cohort& cohort = pools_[worker.pool].cohort(generation);
  TemplateHandle& handle =
      templates_
          .try_emplace(worker.launch, worker.launch, worker.pool, generation, cohort.config, worker.started)
          .first->second;
  handle.pid = worker.pid;
  cohort.source = worker.launch;
  on_ready(handle, now);
}

void Templates::transition(TemplateHandle& handle, TemplateState next, TimePoint now) {
  assert(next > handle.state_);
  timers_.disarm(timer_of(handle));
  handle.state_ = next;
  if (Cohort* own = cohort(handle); own && own->source == handle.launch) {
    own->source_ready = next == TemplateState::ready;
  }
  if (const auto limit = handle.limit()) timers_.arm(timer_of(handle), now + *limit);
}

void Templates::signal(TemplateHandle& handle, int number) {
  if (handle.pid == 0) {
    handle.owed_signal = number;
  } else {
    outbox_.push(SignalWorker{handle.launch, number});
  }
}

void Templates::on_spawned(TemplateHandle& handle, Pid pid) {
  handle.pid = pid;
  outbox_.log(LogLevel::info, name(handle) + "started");
  if (handle.owed_signal != 0) signal(handle, std::exchange(handle.owed_signal, 0));
}

void Templates::on_ready(TemplateHandle& handle, TimePoint now) {
  if (handle.state() != TemplateState::starting) return;
  handle.ready_at = now;
  transition(handle, TemplateState::ready, now);
  if (Cohort* own = cohort(handle)) own->backoff.on_ready(now);
  outbox_.log(LogLevel::info, name(handle) + "ready");
}

void Templates::on_boot_error(TemplateHandle& handle, const std::string& reason) {
  if (handle.ready_at) return;
  handle.boot_error = reason;
  outbox_.log(LogLevel::error, name(handle) + "failed to boot: " + reason);
}

void Templates::on_due(TemplateHandle& handle, TimePoint now) {
  if (handle.state() == TemplateState::starting) {
    outbox_.log(LogLevel::error, name(handle) + "not ready within " + describe(handle.boot_timeout) +
                                     " (boot_timeout); aborting it");
    return abort(handle, now);
  }
  const char* what = handle.told ? "has not left within 1 s; killing it" : "survived SIGABRT; killing it";
  outbox_.log(LogLevel::warning, name(handle) + what);
  kill(handle, now);
}

void Templates::on_stuck(LaunchId launch, TimePoint now) {
  TemplateHandle* handle = find(launch);
  if (!handle || handle->state() >= TemplateState::aborting) return;
  outbox_.log(LogLevel::error, name(*handle) + "does not fork; aborting it");
  abort(*handle, now);
}

void Templates::end_unneeded(TimePoint now) {
  for (auto& [launch, handle] : templates_) {
    if (!needed(handle)) end(handle, now);
  }
}

void Templates::end_all(TimePoint now) {
  for (auto& [launch, handle] : templates_) end(handle, now);
}

void Templates::kill_all(TimePoint now) {
  for (auto& [launch, handle] : templates_) {
    if (handle.state() != TemplateState::killing) kill(handle, now);
  }
}

void Templates::end(TemplateHandle& handle, TimePoint now) {
  handle.told = true;  // also of one that is being aborted: its failure concerns nobody any more
  if (handle.state() >= TemplateState::leaving) return;
  transition(handle, TemplateState::leaving, now);
  signal(handle, SIGTERM);
}

void Templates::abort(TemplateHandle& handle, TimePoint now) {
  transition(handle, TemplateState::aborting, now);
  signal(handle, SIGABRT);
}

void Templates::kill(TemplateHandle& handle, TimePoint now) {
  transition(handle, TemplateState::killing, now);
  signal(handle, SIGKILL);
}

/// The delay until the next template of its cohort may be started.
Duration Templates::blame(const TemplateHandle& handle, const std::string& why, TimePoint now) {
  Cohort* own = cohort(handle);
  if (!own) return Duration::zero();
  const auto kind = handle.ready_at ? Backoff::Failure::crash : Backoff::Failure::boot;
  const Duration served = handle.ready_at ? now - *handle.ready_at : Duration::zero();
  if (own->fail(kind, served, "template " + why, now, random_)) {
    outbox_.log(LogLevel::error, label_of(pools_, pools_[handle.pool]) + kCrashLoop);
  }
  return own->delay(now);
}

TemplateHandle Templates::take(TemplateHandle& handle) {
  timers_.disarm(timer_of(handle));
  if (Cohort* own = cohort(handle); own && own->source == handle.launch) {
    own->source = 0;
    own->source_ready = false;
  }
  auto node = templates_.extract(handle.launch);
  return std::move(node.mapped());
}

std::optional<TemplateFailure> Templates::on_spawn_failed(TemplateHandle& handle, const std::string& reason,
                                                          TimePoint now) {
  const TemplateHandle gone = take(handle);
  if (gone.told) return std::nullopt;
  const std::string text = "cannot start a template: " + reason;
  outbox_.log(LogLevel::error, label_of(pools_, pools_[gone.pool]) + text + "; the next one starts in " +
                                   describe(blame(gone, "could not be started: " + reason, now)));
  return TemplateFailure{.pool = gone.pool,
                         .launch = gone.launch,
                         .generation = gone.generation,
                         .booted = false,
                         .reason = text,
                         .summary = "could not be started: " + reason,
                         .incident = IncidentKind::boot_failure};
}

std::optional<TemplateFailure> Templates::on_exited(TemplateHandle& handle, const ExitStatus& status,
                                                    TimePoint now) {
  const TemplateHandle gone = take(handle);
  if (gone.told) {
    const bool clean = status == ExitStatus{};
    outbox_.log(clean ? LogLevel::info : LogLevel::warning,
                name(gone) + (clean ? "ended" : describe(status) + " while ending"));
    return std::nullopt;
  }
  const bool booted = gone.ready_at.has_value();
  const int hopeless = missed_boot(gone) ? kExitBootFailed : boot_exit_code(status);
  const Duration delay = blame(gone, describe(status) + (booted ? "" : " before it was ready"), now);
  std::string line = name(gone) + describe(status) + (booted ? "" : " before it was ready");
  if (delay > Duration::zero()) line += "; the next one starts in " + describe(delay);
  // A clean end of one that had booted was asked for by somebody else: `kill` of all that ps shows.
  outbox_.log(booted && status == ExitStatus{} ? LogLevel::info : LogLevel::error, std::move(line));
  const std::string reason = booted ? name(gone) + describe(status) : boot_failure_reason(gone, status);
  return TemplateFailure{.pool = gone.pool,
                         .launch = gone.launch,
                         .generation = gone.generation,
                         .booted = booted,
                         .hopeless = booted ? 0 : hopeless,
                         .reason = reason,
                         .pid = gone.pid,
                         .summary = summary_of(gone, status),
                         .boot_error = gone.boot_error,
                         .incident = incident_of(gone, status)};
}

}  // namespace gserve::core
