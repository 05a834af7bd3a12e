// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// One setting in words.
struct PrintedSetting {
  std::string name;
  std::string value;   // as Python writes it
  std::string json;    // the same; any bytes that are no UTF-8 are replaced
  std::string source;  // one word
  std::string origin;  // for people
};

/// All settings, sorted by name.
std::vector<PrintedSetting> printed_settings(const Settings& settings);

/// --print-config: a line for each setting in gunicorn's form, sorted by name, with its origin.
std::string printed_config(const Settings& settings);

/// --print-config-json: {"workers": {"value": 4, "source": "command_line", "origin": "--workers"}, ...}.
std::string printed_config_json(const Settings& settings);

}  // namespace gserve::config
