// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/assignment.h"
#include "supervisor/config/ending.h"
#include "supervisor/config/environment.h"
#include "supervisor/config/file_values.h"
#include "supervisor/config/settings.h"

namespace gserve::config {

/// How gserve was started: remembered, because a reload reads the same command line again.
struct Invocation {
  std::vector<std::string> arguments;  // without the program's name
  std::string directory;               // working directory at the start, absolute
};

/// What is known before the configuration file is read; in each list a later assignment wins.
struct Layers {
  std::vector<Assignment> defaults;  // PORT, WEB_CONCURRENCY, FORWARDED_ALLOW_IPS: below the file
  std::vector<Assignment> given;     // GUNICORN_CMD_ARGS, GSERVE_CMD_ARGS, the command line: above it

  /// The assignment that wins among these; null: there is none.
  const Assignment* find(std::string_view name) const;
};

std::variant<Layers, Ending> read_layers(const Invocation& invocation, const Environment& environment);

using ParseOutcome = std::variant<Settings, Ending>;

/// All settings, from low to high precedence: built-in defaults, `layers.defaults`, the configuration file,
/// `layers.given`. `chdir` comes out absolute and is a directory; what a later layer overrides may be wrong.
/// Depends on nothing but its arguments and that directory's existence.
ParseOutcome resolve(const Layers& layers, const std::vector<FileValue>& file, const Invocation& invocation);

/// Both, without a configuration file.
ParseOutcome parse_command_line(const Invocation& invocation, const Environment& environment);

}  // namespace gserve::config
