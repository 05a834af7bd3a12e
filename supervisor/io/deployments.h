// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/command_line.h"
#include "supervisor/config/settings.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/start_context.h"
#include "supervisor/ports/configuration.h"
#include "supervisor/ports/journal.h"

namespace gserve::io {

/// What the launches of one generation use.
struct Deployment {
  config::Settings settings;
  std::string python;    // absolute path of the interpreter
  std::string tls = {};  // certificates and keys as read when it was loaded (TlsMaterial); empty: no TLS
};

/// Resolves the command line and the environment of the start, as they are now on disk.
std::variant<Deployment, config::Ending> load_deployment(const StartContext& context);

/// The deployments of the live generations, and those loaded for reloads that are under way.
class Deployments : public ports::Configuration {
 public:
  /// `first` is generation 1. `context` and `journal` are borrowed.
  Deployments(const StartContext& context, Deployment first, ports::Journal& journal);

  /// What another program in this process had.
  Deployments(const StartContext& context, const ServiceState& state, ports::Journal& journal);
  const config::Settings& started_with() const { return started_with_; }
  std::vector<DeploymentState> states() const;

  std::variant<core::SupervisorConfig, std::string> load(core::JobId job) override;
  void adopt(core::JobId job, core::Generation generation) override;
  void copy(core::Generation from, core::Generation to) override;
  void forget(core::Generation generation) override;

  /// Whether the newest generation speaks TLS.
  bool secure() const;
  /// Null when there is no such generation; valid until it is forgotten.
  const Deployment* find(core::Generation generation) const;

 private:
  void warn_of_held_settings(const config::Settings& loaded);

  const StartContext& context_;
  ports::Journal& journal_;
  const config::Settings started_with_;
  std::map<core::Generation, Deployment> generations_;
  std::map<core::JobId, Deployment> loaded_;
};

}  // namespace gserve::io
