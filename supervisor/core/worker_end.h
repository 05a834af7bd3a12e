// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "supervisor/core/types.h"
#include "supervisor/core/worker_handle.h"

/// Why a worker's life ended: decided and put into words here and nowhere else. The log, `status`, jobs and
/// incidents all say what stands here.
///
/// An *incident* is an end that somebody may want to understand later:
///
///   boot_failure   it ended before it was ready, or could not be started
///   timeout        a request ran for longer than its timeout, or a drain for longer than graceful_timeout
///   crash          it ended by itself, or by a signal that is none of ours; also while it drained
///   out_of_memory  any of these, when the kernel says that it killed for lack of memory
///
/// What ends as it was told to is none, whatever the code of one that was not ready yet.
namespace gserve::core {

enum class Departure {
  told,          // it was told to leave
  by_itself,     // it said STOPPING=1
  boot_failure,  // it ended before it was ready, or could not be started
  overdue,       // it was aborted: a request ran for longer than its timeout
  crash,         // anything else
};

struct WorkerEnd {
  Departure departure = Departure::crash;
  ExitStatus status;  // of a worker that could be started
  /// One line without the worker's name: "killed by SIGSEGV (core dumped)", "exited with code 3 before it was
  /// ready: ImportError: no module named app".
  std::string summary;
  /// For somebody who waits for a worker: as the summary, with its pid; of a failed boot the whole traceback.
  std::string reason;
  /// None: it ended as it should.
  std::optional<IncidentKind> incident;
  /// For its record, one line without the worker's name; empty without an incident.
  std::string incident_reason;
};

/// The end of a worker whose process was reaped.
WorkerEnd end_of(const WorkerHandle& worker, const ExitStatus& status);
/// The end of a worker that could not be started.
WorkerEnd stillborn(const std::string& why);

/// As what the end is counted: `incident` is what is made of it.
ExitReason exit_reason(const WorkerHandle& worker, std::optional<IncidentKind> incident);

/// Whether it was aborted because it was not ready within boot_timeout.
bool missed_boot(const WorkerHandle& worker);

}  // namespace gserve::core
