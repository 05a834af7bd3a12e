// SPDX-License-Identifier: MIT
#include "supervisor/io/deployments.h"

#include <utility>

#include "supervisor/config/pool_config.h"
#include "supervisor/io/python_locator.h"
#include "supervisor/io/tls_files.h"

namespace gserve::io {
namespace {

/// What is taken once, at the start.
constexpr const char* kHeldSettings[] = {"bind",
                                         "backlog",
                                         "pidfile",
                                         "proc_name",
                                         "errorlog",
                                         "accesslog",
                                         "control_socket",
                                         "control_socket_mode",
                                         "control_socket_disable"};
/// What workers take from each configuration, but the supervisor for its own lines once.
constexpr const char* kHalfHeldSettings[] = {
    "loglevel",    "log_format",    "syslog",         "syslog_addr",     "syslog_prefix",
    "statsd_host", "statsd_prefix", "dogstatsd_tags", "syslog_facility", "enable_backlog_metric"};

}  // namespace

std::variant<Deployment, config::Ending> load_deployment(const StartContext& context) {
  auto outcome = config::parse_command_line(context.invocation, context.lookup());
  if (auto* ending = std::get_if<config::Ending>(&outcome)) return std::move(*ending);
  config::Settings& settings = std::get<config::Settings>(outcome);
  PythonSearch search{"", context.invocation.directory, context.binary_directory, context.environment};
  if (!settings.is_none("python")) search.requested = settings.text("python");
  LocatedPython python = locate_python(search);
  if (!python.error.empty()) return config::Ending{1, python.error};
  TlsMaterial tls = load_tls(settings);
  if (!tls.wrong.empty()) return config::Ending{1, tls.wrong};
  return Deployment{std::move(settings), std::move(python.path), std::move(tls.json)};
}

Deployments::Deployments(const StartContext& context, Deployment first, ports::Journal& journal)
    : context_(context), journal_(journal), started_with_(first.settings) {
  generations_.emplace(1, std::move(first));
}

Deployments::Deployments(const StartContext& context, const ServiceState& state, ports::Journal& journal)
    : context_(context), journal_(journal), started_with_(state.started_with) {
  for (const DeploymentState& each : state.deployments) {
    generations_.emplace(each.generation, Deployment{each.settings, each.python, each.tls});
  }
}

std::vector<DeploymentState> Deployments::states() const {
  std::vector<DeploymentState> states;
  for (const auto& [generation, each] : generations_) {
    states.push_back({generation, each.settings, each.python, each.tls});
  }
  return states;
}

std::variant<core::SupervisorConfig, std::string> Deployments::load(core::JobId job) {
  auto outcome = load_deployment(context_);
  if (const auto* ending = std::get_if<config::Ending>(&outcome)) return ending->text;
  Deployment& deployment = std::get<Deployment>(outcome);
  warn_of_held_settings(deployment.settings);
  core::SupervisorConfig config = config::supervisor_config(deployment.settings);
  loaded_.clear();  // one reload at a time
  loaded_.emplace(job, std::move(deployment));
  return config;
}

void Deployments::warn_of_held_settings(const config::Settings& loaded) {
  for (const char* name : kHeldSettings) {
    if (loaded.value(name) == started_with_.value(name)) continue;
    journal_.write(
        {core::LogLevel::warning, std::string("the setting ") + name +
                                      " has changed; a reload keeps the old value, restart to use it"});
  }
  for (const char* name : kHalfHeldSettings) {
    if (loaded.value(name) == started_with_.value(name)) continue;
    journal_.write({core::LogLevel::warning, std::string("the setting ") + name +
                                                 " has changed; new workers use it, the supervisor after a "
                                                 "restart"});
  }
}

void Deployments::adopt(core::JobId job, core::Generation generation) {
  auto loaded = loaded_.extract(job);
  if (loaded) generations_.insert_or_assign(generation, std::move(loaded.mapped()));
}

void Deployments::copy(core::Generation from, core::Generation to) {
  if (const Deployment* deployment = find(from)) generations_.insert_or_assign(to, Deployment(*deployment));
}

void Deployments::forget(core::Generation generation) {
  generations_.erase(generation);
}

bool Deployments::secure() const {
  return !generations_.empty() && !generations_.rbegin()->second.tls.empty();
}

const Deployment* Deployments::find(core::Generation generation) const {
  const auto found = generations_.find(generation);
  return found == generations_.end() ? nullptr : &found->second;
}

}  // namespace gserve::io
