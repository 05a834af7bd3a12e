// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// A line of warning for each setting that stands at an unsafe value: gunicorn's compatibility switches, which
/// --help calls UNSAFE, and a dangerous header map.
std::vector<std::string> unsafe_settings(const Settings& settings);

}  // namespace gserve::config
