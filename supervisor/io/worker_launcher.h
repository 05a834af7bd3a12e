// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/config/snapshot.h"
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
  std::string directory;                           // where that was
  std::function<SharedDescriptors()> descriptors;
};

/// A launch before its process exists: what the supervisor keeps of it, and the descriptors that the process
/// gets.
struct Provision {
  void pass(std::string_view name, int fd);
  /// Passes `fd` and keeps it until the process has it.
  void give(std::string_view name, UniqueFd fd);

  Launch launch;
  std::string names;     // of `fds`, in order, separated by ':'
  std::vector<int> fds;  // borrowed, or in `given`
  std::vector<UniqueFd> given;
};

struct TemplateLaunch {
  Launch launch;
  UniqueFd control;  // our end of its control socket
};

/// Composes launches as common/launch_contract.h says.
class WorkerLauncher {
 public:
  /// `launcher` is borrowed.
  WorkerLauncher(ports::ProcessLauncher& launcher, LaunchSurroundings surroundings)
      : launcher_(launcher), surroundings_(std::move(surroundings)) {}

  /// A worker in a new interpreter; the launch, or one clear line.
  std::variant<Launch, std::string> launch(const core::Spawn& order, const Deployment& deployment);
  /// What a worker needs that a template will fork; its process is not there yet.
  std::variant<Provision, std::string> provide(const core::Spawn& order, const Deployment& deployment);
  std::variant<TemplateLaunch, std::string> launch_template(const core::SpawnTemplate& order,
                                                            const Deployment& deployment);

  /// The hand-over queues, for an upgrade.
  std::vector<HandoverState> handovers() const;
  void restore_handovers(const std::vector<HandoverState>& states);

  SharedDescriptors descriptors() const { return surroundings_.descriptors(); }

 private:
  config::LaunchInfo launch_info(core::LaunchId id, core::Generation generation, const std::string& pool,
                                 std::uint64_t age) const;
  /// What workers and templates have in common. Throws std::system_error.
  Provision begin(const config::LaunchInfo& info, const Deployment& deployment) const;
  Provision worker_provision(const core::Spawn& order, const Deployment& deployment);
  /// Runs `module`; why not, or an empty text. Sets pid and pidfd of the launch.
  std::string execute(const char* module, Provision& provision, const Deployment& deployment);
  std::vector<std::string> environment(const Provision& provision, const Deployment& deployment) const;
  const std::pair<UniqueFd, UniqueFd>& handover(const std::string& pool);

  ports::ProcessLauncher& launcher_;
  LaunchSurroundings surroundings_;
  // Out and in. Both stay open here for as long as the supervisor lives: a queue survives its workers.
  std::map<std::string, std::pair<UniqueFd, UniqueFd>> handovers_;
};

}  // namespace gserve::io
