// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// One value that one source gives to one setting, not validated yet.
struct Assignment {
  const Setting* setting = nullptr;
  Value value;
  Source source = Source::builtin;
  std::string origin;   // see Settings::origin
  std::string subject;  // how messages begin: "GSERVE_CMD_ARGS: --workers", "gserve.toml:3: workers"
  std::string given;    // the value as it was written, for messages
};

/// "--workers: invalid value 'x': must be an integer".
std::string invalid_value(const Assignment& assignment, const std::string& wrong);

/// Why a setting that this version does not support cannot have the value that `settings` holds.
std::string not_supported(const Assignment& assignment);

}  // namespace gserve::config
