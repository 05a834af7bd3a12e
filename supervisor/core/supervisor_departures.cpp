// SPDX-License-Identifier: MIT
#include "supervisor/core/supervisor_impl.h"

namespace gserve::core {
namespace {

/// The code with which a first boot that ended like this ends the program; 0 if it is worth another try.
int hopeless_code(const WorkerHandle& worker, const ExitStatus& status) {
  if (const int code = boot_exit_code(status)) return code;
  return missed_boot(worker) ? kExitBootFailed : 0;
}

bool is_clean(const ExitStatus& status) {
  return status == ExitStatus{};
}

std::string exit_text(const ExitStatus& status) {
  if (status.kind == ExitStatus::Kind::exited) return "worker " + describe(status);
  return "worker exited: " + describe(status);
}

/// Of one that was told to leave. Who was aborted then was to be killed, or had an overdue request.
std::string circumstance(const WorkerHandle& worker) {
  if (worker.state() == WorkerState::aborting) return " as it was told to";
  return worker.resting ? " while resting" : " while draining";
}

}  // namespace

void Supervisor::Impl::template_gone(std::size_t pool, Generation generation,
                                     const std::optional<TemplateFailure>& failure) {
  if (failure) template_failed(*failure);
  after_departure(pool, generation);
}

/// In a hurried stop it does not matter how those end that were told to leave.
std::optional<IncidentKind> Supervisor::Impl::incident_of(const WorkerEnd& end) const {
  const bool leaving = end.departure == Departure::told || end.departure == Departure::by_itself;
  if (leaving && shutdown_.hurried() && end.incident == IncidentKind::crash) return std::nullopt;
  return end.incident;
}

void Supervisor::Impl::record(const WorkerHandle& gone, const WorkerEnd& end) {
  const auto incident = incident_of(end);
  ++exits_[gone.pool][static_cast<std::size_t>(exit_reason(gone, incident))];
  if (!incident) return;
  outbox_.push(RecordIncident{gone.launch, *incident, false, workforce_.pools()[gone.pool].name(),
                              gone.generation, gone.pid, end.incident_reason, gone.boot_error});
}

void Supervisor::Impl::record(const TemplateFailure& failure) {
  if (!failure.incident) return;
  outbox_.push(RecordIncident{failure.launch, *failure.incident, true,
                              workforce_.pools()[failure.pool].name(), failure.generation, failure.pid,
                              failure.summary, failure.boot_error});
}

void Supervisor::Impl::template_failed(const TemplateFailure& failure) {
  record(failure);
  if (reload_.warms(failure.generation)) return reload_.on_chosen_gone(failure.reason, now_);
  if (reload_.tries(failure.generation)) {
    return failure.booted ? reload_.on_crash(failure.reason, now_)
                          : reload_.on_boot_failure(failure.reason, now_);
  }
  if (failure.hopeless != 0 && !ever_ready_ && !shutdown_.running()) return give_up(failure.hopeless);
  if (failure.booted) return;
  scale_.on_boot_failure(failure.pool, failure.launch, failure.reason, now_);
  worker_jobs_.on_boot_failure(failure.pool, failure.launch, failure.reason, now_);
  reload_.on_replacement_failure(failure.reason, now_);
}

void Supervisor::Impl::after_departure(std::size_t pool, Generation generation) {
  workforce_.forget_if_unused(generation, now_);
  watch_.on_gone();
  if (shutdown_.ending()) {
    shutdown_.advance(now_);
  } else {
    follow_up(pool);
  }
}

/// What is kept of every end, whatever follows from it.
void Supervisor::Impl::account_for(const WorkerHandle& gone, const WorkerEnd& end) {
  const bool crashed = end.departure == Departure::crash || end.departure == Departure::boot_failure;
  record(gone, end);
  worker_jobs_.on_gone(gone.launch, now_);
  bake_.on_gone(gone, crashed, end.departure == Departure::overdue, now_);
  if (gone.chosen) reload_.on_chosen_gone(gone.boot_error.empty() ? end.summary : gone.boot_error, now_);
}

void Supervisor::Impl::settle(WorkerHandle& gone, const WorkerEnd& end) {
  account_for(gone, end);
  const std::string line = workforce_.label(gone) + exit_text(end.status);
  switch (end.departure) {
    case Departure::boot_failure:
      return settle_boot_failure(gone, end);
    case Departure::crash:
      log_unexpected(gone, exit_text(end.status),
                     workforce_.blame(gone, Backoff::Failure::crash, end.summary, now_));
      return crashed(gone, end);
    case Departure::overdue:
      outbox_.log(LogLevel::warning, line + " after its timeout", gone);
      if (gone.served(now_) < kUsefulLife) workforce_.blame(gone, Backoff::Failure::crash, end.summary, now_);
      return crashed(gone, end);
    case Departure::by_itself:
      if (gone.blamed) crashed(gone, end);
      [[fallthrough]];
    case Departure::told:
      if (is_clean(end.status))
        return outbox_.log(LogLevel::info, workforce_.label(gone) + "worker exited: drained", gone);
      return outbox_.log(LogLevel::warning, line + circumstance(gone), gone);
  }
}

void Supervisor::Impl::crashed(const WorkerHandle& gone, const WorkerEnd& end) {
  if (reload_.tries(gone.generation)) {
    reload_.on_crash(end.reason, now_);
  } else {
    scale_.on_crash(gone, end.reason, now_);
  }
}

void Supervisor::Impl::settle_boot_failure(WorkerHandle& gone, const WorkerEnd& end) {
  const Duration delay = workforce_.blame(gone, Backoff::Failure::boot, end.summary, now_);
  const int code = hopeless_code(gone, end.status);
  if (code == 0 || ever_ready_ || shutdown_.running() || reload_.tries(gone.generation)) {
    log_unexpected(gone, exit_text(end.status) + " before it was ready", delay);
    return boot_failed(gone, end.reason);
  }
  log_unexpected(gone, exit_text(end.status) + " before it was ready", Duration::zero());
  give_up(code);
}

void Supervisor::Impl::give_up(int code) {
  outbox_.log(LogLevel::critical, "no worker could boot; ending with code " + std::to_string(code));
  close();
  end_jobs("the service could not start");
  shutdown_.give_up(code, now_);
}

void Supervisor::Impl::boot_failed(const WorkerHandle& worker, const std::string& reason) {
  if (reload_.tries(worker.generation)) return reload_.on_boot_failure(reason, now_);
  scale_.on_boot_failure(worker.pool, worker.launch, reason, now_);
  worker_jobs_.on_boot_failure(worker.pool, worker.launch, reason, now_);
  reload_.on_replacement_failure(reason, now_);
}

void Supervisor::Impl::log_unexpected(const WorkerHandle& worker, const std::string& text, Duration delay) {
  std::string line = workforce_.label(worker) + text;
  if (delay > Duration::zero()) line += "; the next one starts in " + describe(delay);
  if (!worker.was_ready() && workforce_.pools()[worker.pool].replacing()) {
    line += "; the worker that is due for replacement goes on";
  }
  outbox_.log(LogLevel::error, std::move(line), worker);
}

}  // namespace gserve::core
