// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// --print-config: a line for each setting in gunicorn's form, sorted by name, with its origin.
std::string printed_config(const Settings& settings);

/// --print-config-json: {"workers": {"value": 4, "source": "command_line", "origin": "--workers"}, ...}.
std::string printed_config_json(const Settings& settings);

}  // namespace gserve::config
