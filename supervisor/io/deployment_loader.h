// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "supervisor/config/command_line.h"
#include "supervisor/config/config_file.h"
#include "supervisor/config/settings.h"
#include "supervisor/io/config_evaluation.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"
#include "supervisor/ports/process_launcher.h"

namespace gserve::io {

/// What the launches of one generation use.
struct Deployment {
  config::Settings settings;
  std::string python;    // absolute path of the interpreter
  std::string tls = {};  // certificates and keys as read when it was loaded (TlsMaterial); empty: no TLS
  std::optional<ports::Identity> identity = {};  // of the processes; empty: the supervisor's own
};

/// Resolves the command line, the environment of the start and the configuration file, as they are now on disk.
/// In two steps, because a file in Python is evaluated by a process that takes its time:
///
///   begin() -> evaluation() or not -> complete(its result)
class DeploymentLoader {
 public:
  using Outcome = std::variant<Deployment, config::Ending>;

  /// `context` is borrowed. Reads all but the configuration file.
  static std::variant<DeploymentLoader, config::Ending> begin(const StartContext& context);

  /// How the file is to be evaluated; nothing when no file is in Python. Or one clear line.
  std::variant<std::optional<EvaluationOrder>, std::string> evaluation() const;
  /// Everything together. `evaluated`: what the file in Python sets, if there is one.
  Outcome complete(const ConfigEvaluation::Result& evaluated) const;

 private:
  DeploymentLoader(const StartContext& context, config::Layers layers, config::ConfigFile file)
      : context_(&context), layers_(std::move(layers)), file_(std::move(file)) {}

  const StartContext* context_;
  config::Layers layers_;
  config::ConfigFile file_;
};

/// All at once, for the start: waits for the evaluation. A signal in `signals` (may be null) that asks to stop
/// ends the wait; then the ending has exit code 0 and no text.
DeploymentLoader::Outcome load_deployment(const StartContext& context, SignalQueue* signals = nullptr);

}  // namespace gserve::io
