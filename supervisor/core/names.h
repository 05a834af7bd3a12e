// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/core/timer_queue.h"
#include "supervisor/core/types.h"

/// The words for states and kinds, as the control interface and a stored state have them. "unknown" for a
/// value that is none.
namespace gserve::core {

const char* name_of(WorkerState state);
const char* name_of(TemplateState state);
const char* name_of(IncidentKind kind);
const char* name_of(ExitReason reason);
const char* name_of(SupervisorState state);
const char* name_of(JobKind kind);
const char* name_of(JobState state);
const char* name_of(TimerOwner::Kind kind);

}  // namespace gserve::core
