// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_launcher.h"

#include <unistd.h>

#include <exception>
#include <system_error>

#include "common/launch_contract.h"
#include "supervisor/config/names.h"
#include "supervisor/config/snapshot.h"
#include "supervisor/io/descriptor_limit.h"
#include "supervisor/io/descriptor_passing.h"
#include "supervisor/io/interpreter_environment.h"
#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

/// As in gunicorn, only where the error log is a file.
bool captures_output(const config::Settings& settings) {
  return settings.flag("capture_output") && settings.text("errorlog") != "-";
}

/// The process overwrites its arguments with what ps shows of it, "gserve: template [NAME]" at most.
void make_room_for_title(std::vector<std::string>& argv, const config::Settings& settings) {
  const std::size_t wanted =
      std::string("gserve: template []").size() + config::process_name(settings).size();
  std::size_t room = 0;
  for (const std::string& word : argv) room += word.size() + 1;
  // The last word is the role.
  if (room <= wanted) argv.insert(argv.end() - 1, std::string(wanted - room + 1, '-'));
}

/// Why a launch could not be made.
std::string reason_of(const std::exception& error) {
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  return std::string(error.what()) + (of_system ? descriptor_limit_hint(of_system->code().value()) : "");
}

}  // namespace

void Provision::pass(std::string_view name, int fd) {
  if (fd < 0) return;
  if (!names.empty()) names += ':';
  names += name;
  fds.push_back(fd);
}

void Provision::give(std::string_view name, UniqueFd fd) {
  pass(name, fd.get());
  given.push_back(std::move(fd));
}

std::variant<Launch, std::string> WorkerLauncher::launch(const core::Spawn& order,
                                                         const Deployment& deployment) {
  try {
    Provision provision = worker_provision(order, deployment);
    std::string reason = execute("worker", provision, deployment);
    if (!reason.empty()) return reason;
    return std::move(provision.launch);
  } catch (const std::exception& error) {
    return reason_of(error);
  }
}

std::variant<Provision, std::string> WorkerLauncher::provide(const core::Spawn& order,
                                                             const Deployment& deployment) {
  try {
    return worker_provision(order, deployment);
  } catch (const std::exception& error) {
    return reason_of(error);
  }
}

std::variant<TemplateLaunch, std::string> WorkerLauncher::launch_template(const core::SpawnTemplate& order,
                                                                          const Deployment& deployment) {
  try {
    Provision provision = begin(launch_info(order.launch, order.generation, order.pool, 0), deployment);
    auto [ours, theirs] = packet_pair("a template");
    provision.give(contract::kTemplate, std::move(theirs));
    std::string reason = execute("template", provision, deployment);
    if (!reason.empty()) return reason;
    return TemplateLaunch{std::move(provision.launch), std::move(ours)};
  } catch (const std::exception& error) {
    return reason_of(error);
  }
}

config::LaunchInfo WorkerLauncher::launch_info(core::LaunchId id, core::Generation generation,
                                               const std::string& pool, std::uint64_t age) const {
  return {id, generation, pool, surroundings_.instance, age, surroundings_.directory, ::getpid()};
}

Provision WorkerLauncher::begin(const config::LaunchInfo& info, const Deployment& deployment) const {
  Provision provision;
  Launch& launch = provision.launch;
  launch.id = info.id;
  launch.generation = info.generation;
  launch.pool = info.pool;
  launch.age = info.age;
  launch.incident = make_growing_memfd("gserve-incident");
  auto [ours, theirs] = packet_pair("a lifeline");
  launch.lifeline = std::move(ours);
  provision.give(contract::kSettings,
                 make_sealed_memfd("gserve-settings", config::worker_snapshot(deployment.settings, info)));
  provision.give(contract::kLifeline, std::move(theirs));
  provision.pass(contract::kErrorLog, surroundings_.descriptors().error_log);
  provision.pass(contract::kIncident, launch.incident.get());
  return provision;
}

Provision WorkerLauncher::worker_provision(const core::Spawn& order, const Deployment& deployment) {
  Provision provision = begin(launch_info(order.launch, order.generation, order.pool, order.age), deployment);
  const SharedDescriptors shared = surroundings_.descriptors();
  for (const int listener : shared.listeners) provision.pass(contract::kListener, listener);
  provision.pass(contract::kAccessLog, shared.access_log);
  if (!deployment.tls.empty())
    provision.give(contract::kTls, make_sealed_memfd("gserve-tls", deployment.tls));
  const auto& [out, in] = handover(order.pool);
  provision.pass(contract::kHandoverOut, out.get());
  provision.pass(contract::kHandoverIn, in.get());
  provision.pass(contract::kScoreboard, provision.launch.scoreboard.fd());
  return provision;
}

std::string WorkerLauncher::execute(const char* role, Provision& provision, const Deployment& deployment) {
  ports::ProcessSpec spec;
  // -P: the application's directory must not shadow the worker's own package.
  spec.argv = {deployment.python, "-P", "-m", "gserve", role};
  spec.environment = environment(provision, deployment);
  spec.fds = provision.fds;
  spec.directory = deployment.settings.text("chdir");
  if (captures_output(deployment.settings)) spec.output = surroundings_.descriptors().error_log;
  make_room_for_title(spec.argv, deployment.settings);
  spec.environment = environment(provision, deployment);
  spec.fds = provision.fds;
  spec.directory = deployment.settings.text("chdir");
  spec.identity = deployment.identity;
  auto result = launcher_.launch(spec);
  if (auto* reason = std::get_if<std::string>(&result)) return std::move(*reason);
  auto& process = std::get<ports::Process>(result);
  provision.launch.pid = process.pid;
  provision.launch.pidfd = std::move(process.pidfd);
  return "";
}

std::vector<std::string> WorkerLauncher::environment(const Provision& provision,
                                                     const Deployment& deployment) const {
  auto variables = surroundings_.environment;
  erase_own_variables(variables);
  add_raw_env(variables, deployment.settings);
  variables["LISTEN_FDNAMES"] = provision.names;
  variables["LISTEN_FDS"] = std::to_string(provision.fds.size());
  variables["NOTIFY_SOCKET"] = surroundings_.notify_path;
  variables[std::string(contract::kEnvLaunchId)] = std::to_string(provision.launch.id);
  add_package(variables, surroundings_.python_directory);
  return entries(variables);
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

const std::pair<UniqueFd, UniqueFd>& WorkerLauncher::handover(const std::string& pool) {
  const auto found = handovers_.find(pool);
  if (found != handovers_.end()) return found->second;
  return handovers_.emplace(pool, packet_pair("a pool's hand-over queue")).first->second;
}

}  // namespace gserve::io
