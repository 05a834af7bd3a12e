// SPDX-License-Identifier: MIT
#include "supervisor/core/names.h"

namespace gserve::core {

const char* name_of(WorkerState state) {
  switch (state) {
    case WorkerState::starting:
      return "starting";
    case WorkerState::ready:
      return "ready";
    case WorkerState::draining:
      return "draining";
    case WorkerState::aborting:
      return "aborting";
    case WorkerState::killing:
      return "killing";
  }
  return "unknown";
}

const char* name_of(TemplateState state) {
  switch (state) {
    case TemplateState::starting:
      return "starting";
    case TemplateState::ready:
      return "ready";
    case TemplateState::leaving:
      return "leaving";
    case TemplateState::aborting:
      return "aborting";
    case TemplateState::killing:
      return "killing";
  }
  return "unknown";
}

const char* name_of(IncidentKind kind) {
  switch (kind) {
    case IncidentKind::timeout:
      return "timeout";
    case IncidentKind::crash:
      return "crash";
    case IncidentKind::out_of_memory:
      return "out-of-memory";
    case IncidentKind::boot_failure:
      return "boot-failure";
  }
  return "unknown";
}

const char* name_of(ExitReason reason) {
  switch (reason) {
    case ExitReason::drained:
      return "drained";
    case ExitReason::recycled:
      return "recycled";
    case ExitReason::timeout:
      return "timeout";
    case ExitReason::crash:
      return "crash";
    case ExitReason::out_of_memory:
      return "out-of-memory";
    case ExitReason::boot_failure:
      return "boot-failure";
  }
  return "unknown";
}

const char* name_of(SupervisorState state) {
  switch (state) {
    case SupervisorState::starting:
      return "starting";
    case SupervisorState::running:
      return "running";
    case SupervisorState::reloading:
      return "reloading";
    case SupervisorState::stopping:
      return "stopping";
  }
  return "unknown";
}

const char* name_of(JobKind kind) {
  switch (kind) {
    case JobKind::stop:
      return "stop";
    case JobKind::reload:
      return "reload";
    case JobKind::scale:
      return "scale";
    case JobKind::upgrade:
      return "upgrade";
    case JobKind::rollback:
      return "rollback";
    case JobKind::refork:
      return "refork";
    case JobKind::restart:
      return "restart";
    case JobKind::worker_restart:
      return "worker-restart";
    case JobKind::worker_kill:
      return "worker-kill";
    case JobKind::reopen:
      return "reopen";
  }
  return "unknown";
}

const char* name_of(JobState state) {
  switch (state) {
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::superseded:
      return "superseded";
  }
  return "unknown";
}

const char* name_of(TimerOwner::Kind kind) {
  switch (kind) {
    case TimerOwner::Kind::worker:
      return "worker";
    case TimerOwner::Kind::pool:
      return "pool";
    case TimerOwner::Kind::calm:
      return "calm";
    case TimerOwner::Kind::template_process:
      return "template";
    case TimerOwner::Kind::watch:
      return "watch";
    case TimerOwner::Kind::look:
      return "look";
    case TimerOwner::Kind::upgrade:
      return "upgrade";
    case TimerOwner::Kind::stop:
      return "stop";
    case TimerOwner::Kind::bake:
      return "bake";
    case TimerOwner::Kind::watchdog:
      return "watchdog";
  }
  return "unknown";
}

}  // namespace gserve::core
