// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/config/assignment.h"
#include "supervisor/config/ending.h"

namespace gserve::config {

/// CommandWords of a command line and where they come from.
struct CommandWords {
  std::vector<std::string> words;
  std::string variable;  // the environment variable that holds them; empty: they are the command line
};

/// What the words assign, in no particular order. They mean what argparse makes of them, with gunicorn's options
/// and ours: `--name=value`, `-w4`, `-w=4`, `-Rw 4`, options after the application, unique beginnings of long
/// options (a beginning that gunicorn's options alone make unique counts as unique). Other than there, an
/// argument too many is refused. Throws Stop on an error, --help and --version.
std::vector<Assignment> read_arguments(const CommandWords& words);

}  // namespace gserve::config
