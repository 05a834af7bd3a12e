// SPDX-License-Identifier: MIT
#include "supervisor/core/worker_end.h"

namespace gserve::core {
namespace {

Departure departure_of(const WorkerHandle& worker) {
  if (worker.overdue_since && worker.state() == WorkerState::aborting) return Departure::overdue;
  if (worker.retired) return Departure::told;
  if (!worker.was_ready()) return Departure::boot_failure;
  if (worker.leaving) return Departure::by_itself;
  return worker.state() == WorkerState::ready ? Departure::crash : Departure::overdue;
}

/// A traceback ends with the line that says most.
std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(text.rfind('\n') + 1);
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

}  // namespace

bool missed_boot(const WorkerHandle& worker) {
  return !worker.was_ready() && !worker.leaving && worker.state() > WorkerState::draining;
}

WorkerEnd end_of(const WorkerHandle& worker, const ExitStatus& status) {
  const Departure departure = departure_of(worker);
  return {departure, status, summary_of(worker, departure, status), reason_of(worker, departure, status)};
}

WorkerEnd stillborn(const std::string& why) {
  return {Departure::boot_failure, {}, "could not be started: " + why, "cannot start a worker: " + why};
}

}  // namespace gserve::core
