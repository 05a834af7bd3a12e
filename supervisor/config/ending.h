// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gserve::config {

inline constexpr int kConfigurationError = 1;
inline constexpr int kUsageError = 2;

/// There is nothing to run: --help, --version, or an error.
struct Ending {
  int exit_code = 0;       // 0, 1 (configuration) or 2 (usage)
  std::string text;        // an error is one line, without the program's name and without a newline; what
                           // Python says of its own (a traceback) follows on further lines
  bool to_stdout = false;  // else standard error
};

/// What the program prints for `ending`: errors get "gserve: " and a newline.
std::string printed(const Ending& ending);

/// Leaves the reading of settings at any depth, within this folder.
struct Stop {
  Ending ending;
};

/// Throws Stop. Control characters in `text` come out as \xNN: an error is one line.
[[noreturn]] void refuse(int exit_code, const std::string& text);

}  // namespace gserve::config
