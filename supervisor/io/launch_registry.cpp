// SPDX-License-Identifier: MIT
#include "supervisor/io/launch_registry.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace gserve::io {

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
