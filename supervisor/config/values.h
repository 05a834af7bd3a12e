// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// The value that words of a command line stand for, or what is wrong ("must be an integer").
struct ParsedValue {
  Value value;
  std::string wrong;  // empty: `value` is valid
};

/// Reads the words given for `setting`, in their order. Lists take all of them, everything else takes the
/// last. Integers may be written as Python writes them: 493, 0755, 0o755, 0x1ed, 0b111.
ParsedValue parse_value(const Setting& setting, const std::vector<std::string>& words);

/// How `value` looks in --help and in error messages: None is empty, lists are separated by spaces.
std::string to_text(const Value& value);

}  // namespace gserve::config
