// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/core/actions.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/launch_registry.h"
#include "supervisor/io/service_state.h"
#include "supervisor/ports/process_launcher.h"

namespace gserve::io {

/// Descriptors that every worker gets and that belong to others; asked for anew at each launch.
struct SharedDescriptors {
  std::vector<int> listeners;
  int error_log = -1;
  int access_log = -1;  // -1: off
};

/// What all launches of this supervisor have in common.
struct LaunchSurroundings {
  std::string instance;
  std::string notify_path;
  std::string python_directory;  // of the bundled package; empty: the interpreter has its own
  std::map<std::string, std::string> environment;  // the supervisor's own, as it was started
  std::function<SharedDescriptors()> descriptors;
};

/// `<binary_directory>/../lib/gserve/python` if it holds the package, else empty.
std::string bundled_python_directory(const std::string& binary_directory);

/// Takes out of a copy of the supervisor's own environment what speaks to the supervisor and not to its
/// children.
void erase_own_variables(std::map<std::string, std::string>& environment);

/// Composes launches as common/launch_contract.h says.
class WorkerLauncher {
 public:
  /// `launcher` is borrowed.
  WorkerLauncher(ports::ProcessLauncher& launcher, LaunchSurroundings surroundings)
      : launcher_(launcher), surroundings_(std::move(surroundings)) {}

  /// The launch, or one clear line.
  std::variant<Launch, std::string> launch(const core::Spawn& order, const Deployment& deployment);

  /// The hand-over queues, for an upgrade.
  std::vector<HandoverState> handovers() const;
  void restore_handovers(const std::vector<HandoverState>& states);

  SharedDescriptors descriptors() const { return surroundings_.descriptors(); }

 private:
  std::variant<Launch, std::string> compose(const core::Spawn& order, const Deployment& deployment);
  std::vector<std::string> environment(const core::Spawn& order, const Deployment& deployment,
                                       const std::string& names) const;
  int handover(const std::string& pool);

  ports::ProcessLauncher& launcher_;
  LaunchSurroundings surroundings_;
  // Both ends stay open here for as long as the supervisor lives: a queue survives its workers.
  std::map<std::string, std::pair<UniqueFd, UniqueFd>> handovers_;
};

}  // namespace gserve::io
