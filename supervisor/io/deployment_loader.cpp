// SPDX-License-Identifier: MIT
#include "supervisor/io/deployment_loader.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "supervisor/io/identity.h"
#include "supervisor/io/interpreter_environment.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/python_locator.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/tls_files.h"

namespace gserve::io {
namespace {

using config::ConfigFile;
using config::Ending;

Ending refusal(std::string text) {
  return {config::kConfigurationError, std::move(text), false};
}

LocatedPython find_python(const StartContext& context, const config::Value& requested) {
  PythonSearch search{"", context.invocation.directory, context.binary_directory, context.environment};
  if (const auto* text = std::get_if<std::string>(&requested)) search.requested = *text;
  return locate_python(search);
}

ConfigEvaluation::Result read_toml_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return "cannot read " + path + "; is it a file that may be read?";
  auto values = config::read_toml(text.str(), path);
  if (auto* ending = std::get_if<Ending>(&values)) return std::move(ending->text);
  return std::get<std::vector<config::FileValue>>(std::move(values));
}

core::Duration evaluation_limit(const config::Layers& layers) {
  const config::Assignment* given = layers.find("boot_timeout");
  const config::Value value = given ? given->value : config::find_setting("boot_timeout")->builtin;
  return std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(std::get<double>(value)));
}

}  // namespace

std::variant<DeploymentLoader, Ending> DeploymentLoader::begin(const StartContext& context) {
  auto layers = config::read_layers(context.invocation, context.lookup());
  if (auto* ending = std::get_if<Ending>(&layers)) return std::move(*ending);
  auto file = config::choose_config_file(std::get<config::Layers>(layers), context.invocation);
  if (auto* ending = std::get_if<Ending>(&file)) return std::move(*ending);
  return DeploymentLoader(context, std::get<config::Layers>(std::move(layers)),
                          std::get<ConfigFile>(std::move(file)));
}

std::variant<std::optional<EvaluationOrder>, std::string> DeploymentLoader::evaluation() const {
  if (file_.kind != ConfigFile::Kind::python) return std::nullopt;
  const config::Assignment* python = layers_.find("python");
  LocatedPython located = find_python(*context_, python ? python->value : config::Value());
  if (!located.error.empty()) return std::move(located.error);
  auto variables = interpreter_environment(*context_);
  variables["PWD"] = context_->invocation.directory;
  return EvaluationOrder{std::move(located.path), file_.location, context_->invocation.directory,
                         entries(variables), evaluation_limit(layers_)};
}

DeploymentLoader::Outcome DeploymentLoader::complete(const ConfigEvaluation::Result& evaluated) const {
  const bool toml = file_.kind == ConfigFile::Kind::toml;
  const ConfigEvaluation::Result read = toml ? read_toml_file(file_.location) : evaluated;
  if (const auto* reason = std::get_if<std::string>(&read)) return refusal(*reason);
  auto outcome =
      config::resolve(layers_, std::get<std::vector<config::FileValue>>(read), context_->invocation);
  if (auto* ending = std::get_if<Ending>(&outcome)) return std::move(*ending);
  auto& settings = std::get<config::Settings>(outcome);
  if (file_.kind != ConfigFile::Kind::none) {
    const std::string wrong = settings.set("config", file_.location, file_.source, file_.origin);
    if (!wrong.empty()) return refusal("--config: the path " + wrong);
  }
  LocatedPython python = find_python(*context_, settings.value("python"));
  if (!python.error.empty()) return refusal(python.error);
  TlsMaterial tls = load_tls(settings, context_->binary_directory);
  if (!tls.wrong.empty()) return refusal(tls.wrong);
  auto identity = worker_identity(settings);
  if (auto* reason = std::get_if<std::string>(&identity)) return refusal(*reason);
  return Deployment{std::move(settings), std::move(python.path), std::move(tls.json),
                    std::get<std::optional<ports::Identity>>(std::move(identity))};
}

DeploymentLoader::Outcome load_deployment(const StartContext& context, SignalQueue* signals) {
  auto begun = DeploymentLoader::begin(context);
  if (auto* ending = std::get_if<Ending>(&begun)) return std::move(*ending);
  const auto& loader = std::get<DeploymentLoader>(begun);
  auto order = loader.evaluation();
  if (auto* reason = std::get_if<std::string>(&order)) return refusal(*reason);
  const auto& wanted = std::get<std::optional<EvaluationOrder>>(order);
  if (!wanted) return loader.complete({});
  BoostProcessLauncher launcher(context.nofile);
  auto started = ConfigEvaluation::start(launcher, *wanted);
  if (auto* reason = std::get_if<std::string>(&started)) return refusal(*reason);
  const auto& evaluation = std::get<ConfigEvaluation>(started);
  const bool stopped = signals != nullptr && !signals->wait_unless_stopped(evaluation.pidfd());
  if (stopped) evaluation.kill();
  const core::ExitStatus status = reap_child(evaluation.pid());
  if (stopped) return Ending{0, "", true};
  return loader.complete(evaluation.result(status));
}

}  // namespace gserve::io
