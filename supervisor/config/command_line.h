// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/environment.h"
#include "supervisor/config/settings.h"

namespace gserve::config {

/// How gserve was started: remembered, because a reload reads the same command line again.
struct Invocation {
  std::vector<std::string> arguments;  // without the program's name
  std::string directory;               // working directory at the start, absolute
};

/// There is nothing to run: --help, --version, or an error.
struct Ending {
  int exit_code = 0;       // 0, 1 (configuration) or 2 (usage)
  std::string text;        // an error is one line, without the program's name and without a newline
  bool to_stdout = false;  // else standard error
};

/// What the program prints for `ending`: errors get "gserve: " and a newline.
std::string printed(const Ending& ending);

using ParseOutcome = std::variant<Settings, Ending>;

/// All settings, from low to high precedence: built-in defaults, PORT and WEB_CONCURRENCY, GUNICORN_CMD_ARGS,
/// GSERVE_CMD_ARGS, the command line. `chdir` comes out absolute and is a directory. Depends on nothing but
/// its arguments and that directory's existence.
ParseOutcome parse_command_line(const Invocation& invocation, const Environment& environment);

}  // namespace gserve::config
