// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gserve::config {

struct SplitWords {
  std::vector<std::string> words;
  std::string wrong;  // empty: `words` is complete
};

/// Splits `text` into words as a POSIX shell does without expansions (Python's shlex.split): blanks separate,
/// '...' is literal, "..." is literal but for \" and \\, and \ takes the next character as it is.
SplitWords split_words(std::string_view text);

}  // namespace gserve::config
