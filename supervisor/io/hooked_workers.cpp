// SPDX-License-Identifier: MIT
#include "supervisor/io/hooked_workers.h"

#include <utility>
#include <variant>

namespace gserve::io {

std::optional<ports::Workers::Started> HookedWorkers::spawn(const core::Spawn& order) {
  if (!hooks_.has(order.generation, "pre_fork")) return workers_.spawn(order);
  held_.emplace(order.launch, order);  // first: the call may be over at once
  hooks_.pre_fork(order);
  return std::nullopt;
}

void HookedWorkers::release(core::LaunchId launch) {
  const auto held = held_.extract(launch);
  if (!held) return;
  auto started = workers_.spawn(held.mapped());
  if (!started) return;  // its template says so
  if (const auto* pid = std::get_if<core::Pid>(&*started)) {
    deliver_(core::WorkerSpawned{launch, *pid});
  } else {
    deliver_(core::WorkerSpawnFailed{launch, std::get<std::string>(std::move(*started))});
  }
}

void HookedWorkers::hand_over_logs() {
  workers_.hand_over_logs();
  hooks_.hand_over_log();
}

}  // namespace gserve::io
