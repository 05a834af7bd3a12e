// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gserve::io {

/// The boot error of a worker's notification: a JSON string; anything else is taken as it is. Control
/// characters but tab and newline become \xNN: workers run foreign code, and the text is shown on terminals.
std::string decode_boot_error(const std::string& value);

struct ChangedFile {
  std::string stamp;  // a word
  std::string path;
};
/// The notification of a changed file, made printable as above.
ChangedFile decode_change(const std::string& value);

/// A word that a worker says, fit for a log line: at most 32 of [A-Za-z0-9_.-], anything else becomes '?'.
std::string printable_word(const std::string& value);

}  // namespace gserve::io
