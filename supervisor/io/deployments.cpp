// SPDX-License-Identifier: MIT
#include "supervisor/io/deployments.h"

#include <utility>

#include "supervisor/config/pool_config.h"
#include "supervisor/io/master_hooks.h"

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
                                         "control_socket_disable",
                                         "admin",
                                         "daemon",
                                         "umask",
                                         "reuse_port"};
/// What workers take from each configuration, but the supervisor for its own lines once.
constexpr const char* kHalfHeldSettings[] = {
    "loglevel",    "log_format",    "syslog",         "syslog_addr",     "syslog_prefix",
    "statsd_host", "statsd_prefix", "dogstatsd_tags", "syslog_facility", "enable_backlog_metric"};

}  // namespace

Deployments::Deployments(const StartContext& context, Deployment first, ports::Journal& journal)
    : context_(context), journal_(journal), started_with_(first.settings) {
  generations_.emplace(1, std::move(first));
}

Deployments::Deployments(const StartContext& context, const ServiceState& state, ports::Journal& journal)
    : context_(context), journal_(journal), started_with_(state.started_with) {
  for (const DeploymentState& each : state.deployments) {
    generations_.emplace(each.generation, Deployment{each.settings, each.python, each.tls, each.identity});
  }
}

std::vector<DeploymentState> Deployments::states() const {
  std::vector<DeploymentState> states;
  for (const auto& [generation, each] : generations_) {
    states.push_back({generation, each.settings, each.python, each.tls, each.identity});
  }
  return states;
}

std::optional<Deployments::Loaded> Deployments::load(core::JobId job) {
  give_up();
  auto begun = DeploymentLoader::begin(context_);
  if (auto* ending = std::get_if<config::Ending>(&begun)) return std::move(ending->text);
  auto& loader = std::get<DeploymentLoader>(begun);
  const auto order = loader.evaluation();
  if (const auto* reason = std::get_if<std::string>(&order)) return *reason;
  const auto& wanted = std::get<std::optional<EvaluationOrder>>(order);
  if (wanted) return evaluate(job, std::move(loader), *wanted);
  return accept(job, loader.complete({}));
}

std::optional<Deployments::Loaded> Deployments::evaluate(core::JobId job, DeploymentLoader loader,
                                                         const EvaluationOrder& order) {
  BoostProcessLauncher launcher(context_.nofile);
  auto started = ConfigEvaluation::start(launcher, order);
  if (auto* reason = std::get_if<std::string>(&started)) return std::move(*reason);
  auto& evaluation = std::get<ConfigEvaluation>(started);
  const core::Pid pid = evaluation.pid();
  evaluations_.emplace(pid, Evaluating{job, std::move(loader), std::move(evaluation)});
  evaluating_ = job;
  return std::nullopt;
}

std::optional<core::Event> Deployments::ended(const Reaped& reaped) {
  auto node = evaluations_.extract(reaped.pid);
  if (!node || node.mapped().job != evaluating_) return std::nullopt;
  const Evaluating& ended = node.mapped();
  evaluating_ = 0;
  const auto result = ended.evaluation.result(reaped.status);
  return ports::load_event(ended.job, accept(ended.job, ended.loader.complete(result)));
}

void Deployments::give_up() {
  for (const auto& [pid, each] : evaluations_) each.evaluation.kill();
  evaluating_ = 0;
}

Deployments::Loaded Deployments::accept(core::JobId job, DeploymentLoader::Outcome outcome) {
  if (auto* ending = std::get_if<config::Ending>(&outcome)) return std::move(ending->text);
  auto& deployment = std::get<Deployment>(outcome);
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

void Deployments::set_hooks(MasterHooks* hooks) {
  hooks_ = hooks;
  for (const auto& [generation, deployment] : generations_) {
    if (hooks_) hooks_->know(generation, deployment);
  }
}

void Deployments::adopt(core::JobId job, core::Generation generation) {
  auto loaded = loaded_.extract(job);
  if (!loaded) return;
  const auto adopted = generations_.insert_or_assign(generation, std::move(loaded.mapped())).first;
  if (hooks_) hooks_->adopt(generation, adopted->second);
}

void Deployments::copy(core::Generation from, core::Generation to) {
  if (const Deployment* deployment = find(from)) generations_.insert_or_assign(to, Deployment(*deployment));
  if (hooks_) hooks_->copy(from, to);
}

void Deployments::forget(core::Generation generation) {
  generations_.erase(generation);
  if (hooks_) hooks_->forget(generation);
}

bool Deployments::secure() const {
  return !generations_.empty() && !generations_.rbegin()->second.tls.empty();
}

const Deployment* Deployments::find(core::Generation generation) const {
  const auto found = generations_.find(generation);
  return found == generations_.end() ? nullptr : &found->second;
}

}  // namespace gserve::io
