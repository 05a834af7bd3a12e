// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/config/assignment.h"

namespace gserve::config {

/// One setting as a configuration file holds it.
struct FileValue {
  /// What `value` holds: a plain value (None, a flag, a number, text, a list of texts), or text: the JSON of a
  /// dict, where a callable is defined, or what anything else is ("a list of numbers").
  enum class Shape { plain, dict, callable, other };

  std::string name;  // of the setting
  Shape shape = Shape::plain;
  Value value;
  std::string where;  // "/srv/gunicorn.conf.py:12"
};

/// What a file assigns, converted as gunicorn converts: numbers and flags may be written as texts, a list of one
/// as a text, and None is the default. Every name is in the table. Throws Stop.
std::vector<Assignment> file_assignments(const std::vector<FileValue>& values);

}  // namespace gserve::config
