// SPDX-License-Identifier: MIT
#include "supervisor/io/launch_registry.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace gserve::io {

LaunchState Launch::state() const {
  return {id, generation, pool, age, pid, pidfd.get(), lifeline.get(), incident.get(), scoreboard.fd()};
}

Launch restore_launch(const LaunchState& state) {
  ScoreboardMemory scoreboard(state.scoreboard);
  return {state.id,
          state.generation,
          state.pool,
          state.age,
          state.pid,
          UniqueFd(state.pidfd),
          UniqueFd(state.lifeline),
          UniqueFd(state.incident),
          std::move(scoreboard)};
}

bool send_signal(const Launch& launch, int signal) {
  return ::syscall(SYS_pidfd_send_signal, launch.pidfd.get(), signal, nullptr, 0) == 0;
}

void LaunchRegistry::add(Launch launch) {
  const core::LaunchId id = launch.id;
  by_pid_[launch.pid] = id;
  launches_.emplace(id, std::move(launch));
}

Launch* LaunchRegistry::find(core::LaunchId id) {
  const auto found = launches_.find(id);
  return found == launches_.end() ? nullptr : &found->second;
}

Launch* LaunchRegistry::find_by_pid(core::Pid pid) {
  const auto found = by_pid_.find(pid);
  return found == by_pid_.end() ? nullptr : find(found->second);
}

void LaunchRegistry::remove(core::LaunchId id) {
  const auto found = launches_.find(id);
  if (found == launches_.end()) return;
  by_pid_.erase(found->second.pid);
  launches_.erase(found);
}

}  // namespace gserve::io
