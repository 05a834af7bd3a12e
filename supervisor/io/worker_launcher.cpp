// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_launcher.h"

#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>

#include "common/launch_contract.h"
#include "supervisor/config/snapshot.h"
#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

constexpr const char* kOwnVariables[] = {"NOTIFY_SOCKET", "LISTEN_FDS",   "LISTEN_PID", "LISTEN_FDNAMES",
                                         "WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE"};

std::pair<UniqueFd, UniqueFd> packet_pair(const char* what) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
    throw std::system_error(errno, std::generic_category(),
                            std::string("cannot make the socket pair for ") + what);
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// The descriptors of a launch with their names, in the order in which they are passed.
class NamedDescriptors {
 public:
  void add(std::string_view name, int fd) {
    if (fd < 0) return;
    if (!names_.empty()) names_ += ':';
    names_ += name;
    fds_.push_back(fd);
  }
  const std::string& names() const { return names_; }
  const std::vector<int>& fds() const { return fds_; }

 private:
  std::string names_;
  std::vector<int> fds_;
};

void prepend_path(std::map<std::string, std::string>& environment, const std::string& directory) {
  std::string& path = environment["PYTHONPATH"];
  path = path.empty() ? directory : directory + ":" + path;
}

}  // namespace

void erase_own_variables(std::map<std::string, std::string>& environment) {
  for (const char* name : kOwnVariables) environment.erase(name);
}

std::string bundled_python_directory(const std::string& binary_directory) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(binary_directory).parent_path() / "lib/gserve/python";
  std::error_code error;
  return fs::is_directory(directory / "gserve", error) ? directory.string() : std::string();
}

std::variant<Launch, std::string> WorkerLauncher::launch(const core::Spawn& order,
                                                         const Deployment& deployment) {
  try {
    return compose(order, deployment);
  } catch (const std::exception& error) {
    return std::string("cannot start a worker: ") + error.what();
  }
}

std::variant<Launch, std::string> WorkerLauncher::compose(const core::Spawn& order,
                                                          const Deployment& deployment) {
  const config::LaunchInfo info{order.launch, order.generation, order.pool, surroundings_.instance,
                                order.age};
  const UniqueFd settings =
      make_sealed_memfd("gserve-settings", config::worker_snapshot(deployment.settings, info));
  auto [ours, theirs] = packet_pair("a lifeline");
  Launch launch;
  launch.id = order.launch;
  launch.generation = order.generation;
  launch.pool = order.pool;
  launch.lifeline = std::move(ours);
  launch.incident = make_growing_memfd("gserve-incident");

  NamedDescriptors passed;
  const SharedDescriptors shared = surroundings_.descriptors();
  for (const int listener : shared.listeners) passed.add(contract::kListener, listener);
  passed.add(contract::kHandover, handover(order.pool));
  passed.add(contract::kSettings, settings.get());
  passed.add(contract::kScoreboard, launch.scoreboard.fd());
  passed.add(contract::kLifeline, theirs.get());
  passed.add(contract::kErrorLog, shared.error_log);
  passed.add(contract::kAccessLog, shared.access_log);
  passed.add(contract::kIncident, launch.incident.get());

  ports::ProcessSpec spec;
  // -P: the application's directory must not shadow the worker's own package.
  spec.argv = {deployment.python, "-P", "-m", "gserve.worker"};
  spec.environment = environment(order, deployment, passed.names());
  spec.environment.push_back("LISTEN_FDS=" + std::to_string(passed.fds().size()));
  spec.fds = passed.fds();
  spec.directory = deployment.settings.text("chdir");
  auto result = launcher_.launch(spec);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  auto& process = std::get<ports::Process>(result);
  launch.pid = process.pid;
  launch.pidfd = std::move(process.pidfd);
  return launch;
}

std::vector<std::string> WorkerLauncher::environment(const core::Spawn& order, const Deployment& deployment,
                                                     const std::string& names) const {
  auto variables = surroundings_.environment;
  erase_own_variables(variables);
  for (const std::string& entry : deployment.settings.list("raw_env")) {
    const std::size_t equals = entry.find('=');
    variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  variables["LISTEN_FDNAMES"] = names;
  variables["NOTIFY_SOCKET"] = surroundings_.notify_path;
  variables[std::string(contract::kEnvLaunchId)] = std::to_string(order.launch);
  const std::string python_dir(contract::kEnvPythonDir);
  variables.erase(python_dir);
  if (!surroundings_.python_directory.empty()) {
    prepend_path(variables, surroundings_.python_directory);
    variables[python_dir] = surroundings_.python_directory;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<HandoverState> WorkerLauncher::handovers() const {
  std::vector<HandoverState> states;
  for (const auto& [pool, ends] : handovers_) states.push_back({pool, ends.first.get(), ends.second.get()});
  return states;
}

void WorkerLauncher::restore_handovers(const std::vector<HandoverState>& states) {
  for (const auto& [pool, one, other] : states) {
    handovers_.emplace(pool, std::pair(UniqueFd(one), UniqueFd(other)));
  }
}

int WorkerLauncher::handover(const std::string& pool) {
  const auto found = handovers_.find(pool);
  if (found != handovers_.end()) return found->second.first.get();
  return handovers_.emplace(pool, packet_pair("a pool's hand-over queue")).first->second.first.get();
}

}  // namespace gserve::io
