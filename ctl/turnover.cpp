// SPDX-License-Identifier: MIT
#include "ctl/turnover.h"

#include <algorithm>
#include <utility>

namespace gserve::ctl {
namespace {

const WorkerStatus* find(const Status& status, std::uint32_t pid) {
  const auto& workers = status.workers;
  const auto found = std::find_if(workers.begin(), workers.end(),
                                  [&](const WorkerStatus& worker) { return worker.pid == pid; });
  return found == workers.end() ? nullptr : &*found;
}

double part(int done, int all) {
  return all <= 0 ? 1 : std::clamp(static_cast<double>(done) / all, 0.0, 1.0);
}

}  // namespace

Turnover::Turnover(Command command, Status before, std::uint32_t pid)
    : command_(command), pid_(pid), before_(std::move(before)), now_(before_) {}

std::vector<WorkerChange> Turnover::look(const Status& now) {
  std::vector<WorkerChange> changes;
  for (const WorkerStatus& worker : now_.workers) {
    const WorkerStatus* found = find(now, worker.pid);
    if (found == nullptr) {
      changes.push_back({worker.pid, "gone", worker.generation});
    } else if (found->state != worker.state) {
      changes.push_back({worker.pid, found->state, found->generation});
    }
  }
  for (const WorkerStatus& worker : now.workers) {
    if (worker.pid != 0 && find(now_, worker.pid) == nullptr)
      changes.push_back({worker.pid, worker.state, worker.generation});
  }
  now_ = now;
  std::stable_partition(changes.begin(), changes.end(),
                        [](const WorkerChange& change) { return change.state == "ready"; });
  return changes;
}

/// Of the workers that were there before.
int Turnover::departed() const {
  const auto& workers = before_.workers;
  return static_cast<int>(std::count_if(workers.begin(), workers.end(), [&](const WorkerStatus& worker) {
    return find(now_, worker.pid) == nullptr;
  }));
}

int Turnover::fresh() const {
  const auto& workers = now_.workers;
  return static_cast<int>(std::count_if(workers.begin(), workers.end(), [&](const WorkerStatus& worker) {
    return worker.state == "ready" && find(before_, worker.pid) == nullptr;
  }));
}

std::optional<double> Turnover::share() const {
  const int all = static_cast<int>(before_.workers.size());
  const int target = static_cast<int>(now_.target);
  switch (command_) {
    case Command::reload:
    case Command::restart:
    case Command::rollback:
    case Command::refork:
      return part(std::min(fresh(), target) + departed(), target + all);
    case Command::stop:
      return part(departed(), all);
    case Command::scale:
      return share_of_scale();
    case Command::worker_restart:
    case Command::worker_kill:
      return share_of_worker();
    default:
      return std::nullopt;
  }
}

/// The target is the new one as soon as the job is there.
std::optional<double> Turnover::share_of_scale() const {
  const int target = static_cast<int>(now_.target);
  const int ready = static_cast<int>(before_.ready);
  const int present = static_cast<int>(before_.workers.size());
  if (target > ready) return part(static_cast<int>(now_.ready) - ready, target - ready);
  if (target < present) return part(present - static_cast<int>(now_.workers.size()), present - target);
  return std::nullopt;
}

double Turnover::share_of_worker() const {
  const WorkerStatus* worker = find(now_, pid_);
  if (worker == nullptr) return 1;
  return worker->state == "ready" ? 0 : 0.5;
}

}  // namespace gserve::ctl
