// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/settings.h"
#include "supervisor/core/events.h"
#include "supervisor/io/deployment_loader.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/start_context.h"
#include "supervisor/ports/configuration.h"
#include "supervisor/ports/journal.h"

namespace gserve::io {

class MasterHooks;

/// The deployments of the live generations, and those loaded for reloads that are under way.
class Deployments : public ports::Configuration {
 public:
  /// `first` is generation 1. `context` and `journal` are borrowed.
  Deployments(const StartContext& context, Deployment first, ports::Journal& journal);

  /// What another program in this process had.
  Deployments(const StartContext& context, const ServiceState& state, ports::Journal& journal);
  const config::Settings& started_with() const { return started_with_; }
  std::vector<DeploymentState> states() const;

  std::optional<Loaded> load(core::JobId job) override;
  /// The process evaluates a configuration file; what its end means for the core, if it is waited for.
  bool owns(core::Pid pid) const { return evaluations_.contains(pid); }
  std::optional<core::Event> ended(const Reaped& reaped);
  /// Nobody waits for an evaluation any more.
  void give_up();

  /// What hears of generations that come and go.
  void set_hooks(MasterHooks* hooks);

  void adopt(core::JobId job, core::Generation generation) override;
  void copy(core::Generation from, core::Generation to) override;
  void forget(core::Generation generation) override;

  /// Whether the newest generation speaks TLS.
  bool secure() const;
  /// Null when there is no such generation; valid until it is forgotten.
  const Deployment* find(core::Generation generation) const;

 private:
  struct Evaluating {
    core::JobId job;
    DeploymentLoader loader;
    ConfigEvaluation evaluation;
  };
  std::optional<Loaded> evaluate(core::JobId job, DeploymentLoader loader, const EvaluationOrder& order);
  Loaded accept(core::JobId job, DeploymentLoader::Outcome outcome);
  void warn_of_held_settings(const config::Settings& loaded);

  const StartContext& context_;
  ports::Journal& journal_;
  const config::Settings started_with_;
  MasterHooks* hooks_ = nullptr;  // null: nobody
  std::map<core::Generation, Deployment> generations_;
  std::map<core::JobId, Deployment> loaded_;
  std::map<core::Pid, Evaluating> evaluations_;  // given up ones too, until they are reaped
  core::JobId evaluating_ = 0;                   // 0: none
};

}  // namespace gserve::io
