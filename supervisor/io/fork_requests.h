// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/io/launch_registry.h"
#include "supervisor/io/notify_socket.h"

namespace gserve::io {

/// Workers that were asked of a template and are not ours yet. A request goes through these steps:
///
///   asked   the template has it. What the worker says already is held: its pid is not known.
///   born    the process in the middle has sent the worker's pidfd. As long as that process lives, it is the
///           worker's parent, not we.
///   ours    it has exited: the worker is a child of this process, so its exit comes here, and its launch is
///           taken out.
///
/// Who is dropped before that loses its lifeline, so a worker that comes into being after all leaves by
/// itself.
class ForkRequests {
 public:
  struct Worker {
    Launch launch;
    std::vector<WorkerMessage> said;  // oldest first
  };

  /// For an upgrade. restore throws std::system_error.
  std::vector<ForkState> states() const;
  void restore(const std::vector<ForkState>& states);

  void add(core::LaunchId from, Launch launch);
  bool contains(core::LaunchId id) const { return requests_.contains(id); }
  /// Keeps the message until the worker is ours. False if no request waits for it.
  bool hold(const WorkerMessage& message);
  /// The worker `id` of the template `from` has been born. Which process it is, only the pidfd is believed.
  void born(core::LaunchId from, core::LaunchId id, UniqueFd pidfd);
  /// Takes out all that have become ours. Call when a process in the middle may have exited.
  std::vector<Worker> take_ours();
  /// Drops the request. False if there is none of that template.
  bool drop(core::LaunchId from, core::LaunchId id);
  /// The template has gone: drops its requests of workers that were not born.
  std::vector<core::LaunchId> drop_unborn(core::LaunchId from);
  /// The launches that wait, for what all workers are told.
  std::vector<const Launch*> launches() const;

 private:
  struct Request {
    core::LaunchId from = 0;
    Worker worker;
    bool born() const { return static_cast<bool>(worker.launch.pidfd); }
  };
  Request* find(core::LaunchId from, core::LaunchId id);

  std::map<core::LaunchId, Request> requests_;
};

}  // namespace gserve::io
