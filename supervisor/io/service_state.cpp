// SPDX-License-Identifier: MIT
#include "supervisor/io/service_state.h"

#include <algorithm>
#include <set>

namespace gserve::io {
namespace {

bool has(const std::vector<DeploymentState>& deployments, core::Generation generation) {
  return std::any_of(deployments.begin(), deployments.end(),
                     [&](const DeploymentState& deployment) { return deployment.generation == generation; });
}

std::string wrong_descriptors(const ServiceState& state) {
  std::set<int> seen;
  for (const int fd : descriptors(state)) {
    if (fd <= 2) return "it lacks a descriptor";
    if (!seen.insert(fd).second) return "descriptor " + std::to_string(fd) + " is there twice";
  }
  return "";
}

/// Whether a process that the core believes in is there.
bool has_process(const ServiceState& state, core::LaunchId id, core::Pid pid) {
  const auto same = [&](const LaunchState& launch) { return launch.id == id && launch.pid == pid; };
  return pid == 0 || std::any_of(state.launches.begin(), state.launches.end(), same);
}

}  // namespace

std::vector<int> descriptors(const ServiceState& state) {
  std::vector<int> fds = {state.error_log, state.notify.fd};
  if (state.access_log >= 0) fds.push_back(state.access_log);
  if (state.pidfile) fds.push_back(state.pidfile->fd);
  if (state.control) fds.insert(fds.end(), {state.control->listener, state.control->directory});
  if (state.admin) fds.push_back(state.admin->fd);
  for (const ListenerState& listener : state.listeners) fds.push_back(listener.fd);
  for (const HandoverState& handover : state.handovers) fds.insert(fds.end(), {handover.one, handover.other});
  for (const LaunchState& launch : state.launches) {
    fds.insert(fds.end(), {launch.pidfd, launch.lifeline, launch.incident, launch.scoreboard});
  }
  for (const TemplateState& origin : state.templates) fds.push_back(origin.control);
  if (state.hooks) fds.insert(fds.end(), {state.hooks->pidfd, state.hooks->control});
  for (const ForkState& fork : state.forks) {
    if (fork.worker.pidfd >= 0) fds.push_back(fork.worker.pidfd);
    fds.insert(fds.end(), {fork.worker.lifeline, fork.worker.incident, fork.worker.scoreboard});
  }
  return fds;
}

std::string contradiction(const ServiceState& state) {
  if (std::string wrong = wrong_with(state.core); !wrong.empty()) return wrong;
  if (std::string wrong = wrong_descriptors(state); !wrong.empty()) return wrong;
  for (const core::PoolRecord& pool : state.core.pools) {
    for (const core::CohortRecord& cohort : pool.cohorts) {
      if (!has(state.deployments, cohort.generation))
        return "generation " + std::to_string(cohort.generation) + " has no settings";
    }
  }
  for (const core::WorkerRecord& worker : state.core.workers) {
    if (!has_process(state, worker.facts.launch, worker.facts.pid))
      return "worker " + std::to_string(worker.facts.launch) + " has no process";
  }
  for (const core::TemplateRecord& origin : state.core.templates) {
    const core::LaunchId id = origin.facts.launch;
    const auto own = [&](const TemplateState& socket) { return socket.launch == id; };
    const bool controlled = std::any_of(state.templates.begin(), state.templates.end(), own);
    if (!has_process(state, id, origin.facts.pid) || (origin.facts.pid != 0 && !controlled))
      return "template " + std::to_string(id) + " has no process";
  }
  return "";
}

}  // namespace gserve::io
