// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"
#include "supervisor/io/scoreboard_memory.h"
#include "supervisor/io/service_state.h"

namespace gserve::io {

/// What the supervisor holds of one launch of a worker or template, from its start until its process is
/// reaped.
struct Launch {
  core::LaunchId id = 0;
  core::Generation generation = 0;
  std::string pool;
  std::uint64_t age = 0;  // of a worker, as Spawn::age; 0: it was started as a template
  core::Pid pid = 0;
  UniqueFd pidfd;     // for signals
  UniqueFd lifeline;  // our end; closing it tells the worker that we are gone
  UniqueFd incident;  // where it dumps its stacks
  ScoreboardMemory scoreboard;
  bool killed = false;  // we have sent it SIGKILL

  LaunchState state() const;
};

/// One that another program in this process began; owns its descriptors, unless it throws
/// std::system_error.
Launch restore_launch(const LaunchState& state);

/// Sends `signal` to exactly this process, whatever became of its pid (pidfd_send_signal(2)). False if it has
/// ended.
bool send_signal(const Launch& launch, int signal);

/// The live launches.
class LaunchRegistry {
 public:
  void add(Launch launch);
  /// Null when there is none; valid until the registry changes.
  Launch* find(core::LaunchId id);
  Launch* find_by_pid(core::Pid pid);
  void remove(core::LaunchId id);

  std::map<core::LaunchId, Launch>& all() { return launches_; }

 private:
  std::map<core::LaunchId, Launch> launches_;
  std::map<core::Pid, core::LaunchId> by_pid_;
};

}  // namespace gserve::io
