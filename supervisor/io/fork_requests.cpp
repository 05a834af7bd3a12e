// SPDX-License-Identifier: MIT
#include "supervisor/io/fork_requests.h"

#include <cstdlib>
#include <fstream>
#include <utility>

#include "supervisor/io/reaper.h"

namespace gserve::io {
namespace {

// READY, STOPPING, a boot error, some status lines: a worker has no more to say so soon.
constexpr std::size_t kMostHeld = 16;

/// The pid in our namespace that a pidfd stands for (proc(5), fdinfo); 0 or less when it is none of ours.
core::Pid pid_of(int pidfd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(pidfd));
  std::string line;
  while (std::getline(info, line)) {
    if (line.rfind("Pid:", 0) == 0) return std::atoi(line.c_str() + 4);
  }
  return 0;
}

}  // namespace

std::vector<ForkState> ForkRequests::states() const {
  std::vector<ForkState> states;
  for (const auto& [id, request] : requests_) {
    ForkState& state = states.emplace_back(ForkState{request.from, request.worker.launch.state(), {}});
    for (const WorkerMessage& message : request.worker.said) {
      state.said.push_back({message.sender, format_fields(message.fields)});
    }
  }
  return states;
}

void ForkRequests::restore(const std::vector<ForkState>& states) {
  for (const ForkState& state : states) {
    Request request{state.from, {restore_launch(state.worker), {}}};
    for (const SaidState& said : state.said) {
      if (auto message = parse_worker_message(said.text)) {
        message->sender = said.sender;
        request.worker.said.push_back(std::move(*message));
      }
    }
    requests_.emplace(state.worker.id, std::move(request));
  }
}

void ForkRequests::add(core::LaunchId from, Launch launch) {
  const core::LaunchId id = launch.id;
  requests_.emplace(id, Request{from, {std::move(launch), {}}});
}

ForkRequests::Request* ForkRequests::find(core::LaunchId from, core::LaunchId id) {
  const auto found = requests_.find(id);
  return found == requests_.end() || found->second.from != from ? nullptr : &found->second;
}

bool ForkRequests::hold(const WorkerMessage& message) {
  const auto found = requests_.find(message.launch);
  if (found == requests_.end()) return false;
  auto& said = found->second.worker.said;
  if (said.size() < kMostHeld) said.push_back(message);
  return true;
}

void ForkRequests::born(core::LaunchId from, core::LaunchId id, UniqueFd pidfd) {
  Request* request = find(from, id);
  if (request && !request->born()) request->worker.launch.pidfd = std::move(pidfd);
}

std::vector<ForkRequests::Worker> ForkRequests::take_ours() {
  std::vector<Worker> ours;
  for (auto entry = requests_.begin(); entry != requests_.end();) {
    Request& request = entry->second;
    Launch& launch = request.worker.launch;
    if (request.born() && is_child(launch.pidfd.get())) launch.pid = pid_of(launch.pidfd.get());
    if (launch.pid <= 0) {
      ++entry;
      continue;
    }
    ours.push_back(std::move(request.worker));
    entry = requests_.erase(entry);
  }
  return ours;
}

bool ForkRequests::drop(core::LaunchId from, core::LaunchId id) {
  if (!find(from, id)) return false;
  requests_.erase(id);
  return true;
}

std::vector<core::LaunchId> ForkRequests::drop_unborn(core::LaunchId from) {
  std::vector<core::LaunchId> dropped;
  std::erase_if(requests_, [&](const auto& entry) {
    const bool unborn = entry.second.from == from && !entry.second.born();
    if (unborn) dropped.push_back(entry.first);
    return unborn;
  });
  return dropped;
}

std::vector<const Launch*> ForkRequests::launches() const {
  std::vector<const Launch*> all;
  for (const auto& [id, request] : requests_) all.push_back(&request.worker.launch);
  return all;
}

}  // namespace gserve::io
