// SPDX-License-Identifier: MIT
#include "supervisor/core/worker_end.h"

#include <csignal>

namespace gserve::core {
namespace {

Departure departure_of(const WorkerHandle& worker) {
  if (worker.overdue_since && worker.state() == WorkerState::aborting) return Departure::overdue;
  if (worker.retired) return Departure::told;
  if (worker.resting && worker.state() == WorkerState::ready) return Departure::told;  // nobody misses it
  if (!worker.was_ready()) return Departure::boot_failure;
  if (worker.leaving) return Departure::by_itself;
  return worker.state() == WorkerState::ready ? Departure::crash : Departure::overdue;
}

std::string missed(const WorkerHandle& worker) {
  return "was not ready within " + describe(worker.boot_timeout) + " (boot_timeout)";
}

std::string summary_of(const WorkerHandle& worker, Departure departure, const ExitStatus& status) {
  if (departure == Departure::overdue) return describe(status) + " after its timeout";
  if (departure != Departure::boot_failure) return describe(status);
  if (missed_boot(worker)) return missed(worker);
  const std::string early = describe(status) + " before it was ready";
  return worker.boot_error.empty() ? early : early + ": " + last_line(worker.boot_error);
}

std::string reason_of(const WorkerHandle& worker, Departure departure, const ExitStatus& status) {
  const std::string who = "worker (pid " + std::to_string(worker.pid) + ") ";
  if (departure != Departure::boot_failure) return who + describe(status);
  if (!worker.boot_error.empty()) return worker.boot_error;
  return who + (missed_boot(worker) ? missed(worker) : describe(status) + " before it was ready");
}

/// Whether a worker that drained ended otherwise than by its own will or ours.
bool broke(const WorkerHandle& worker, const ExitStatus& status) {
  if (!worker.was_ready() || worker.state() > WorkerState::draining) return false;
  if (status.kind == ExitStatus::Kind::exited) return status.code != 0;
  return status.code != SIGTERM && status.code != SIGQUIT;
}

std::optional<IncidentKind> incident_of(const WorkerHandle& worker, Departure departure,
                                        const ExitStatus& status) {
  if (status.out_of_memory) return IncidentKind::out_of_memory;
  switch (departure) {
    case Departure::boot_failure:
      return IncidentKind::boot_failure;
    case Departure::overdue:
      return IncidentKind::timeout;
    case Departure::crash:
      return IncidentKind::crash;
    case Departure::told:
    case Departure::by_itself:
      break;
  }
  if (broke(worker, status)) return IncidentKind::crash;
  return worker.fault.empty() ? std::nullopt : std::optional(IncidentKind::timeout);
}

std::string incident_reason_of(const WorkerHandle& worker, Departure departure, const WorkerEnd& end) {
  if (!end.incident) return "";
  std::string text = end.summary;
  const bool drained = departure == Departure::told || departure == Departure::by_itself;
  if (drained && worker.was_ready()) text += " while draining";
  if (departure == Departure::boot_failure || worker.fault.empty()) return text;
  return worker.fault + "; " + (departure == Departure::overdue ? describe(end.status) : text);
}

}  // namespace

ExitReason exit_reason(const WorkerHandle& worker, std::optional<IncidentKind> incident) {
  if (!incident) return worker.due.empty() ? ExitReason::drained : ExitReason::recycled;
  switch (*incident) {
    case IncidentKind::timeout:
      return ExitReason::timeout;
    case IncidentKind::out_of_memory:
      return ExitReason::out_of_memory;
    case IncidentKind::boot_failure:
      return ExitReason::boot_failure;
    case IncidentKind::crash:
      break;
  }
  return ExitReason::crash;
}

bool missed_boot(const WorkerHandle& worker) {
  return !worker.was_ready() && !worker.leaving && worker.state() > WorkerState::draining;
}

WorkerEnd end_of(const WorkerHandle& worker, const ExitStatus& status) {
  const Departure departure = departure_of(worker);
  WorkerEnd end{departure,
                status,
                summary_of(worker, departure, status),
                reason_of(worker, departure, status),
                incident_of(worker, departure, status),
                ""};
  end.incident_reason = incident_reason_of(worker, departure, end);
  return end;
}

WorkerEnd stillborn(const std::string& why) {
  const std::string text = "could not be started: " + why;
  return {Departure::boot_failure,    {},  text, "cannot start a worker: " + why,
          IncidentKind::boot_failure, text};
}

}  // namespace gserve::core
