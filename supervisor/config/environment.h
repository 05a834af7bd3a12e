// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// Looks an environment variable up; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Applies the defaults that the environment changes: WEB_CONCURRENCY (workers) and PORT (bind). An empty
/// variable counts as not set. Returns an empty string, or one line that says what is wrong.
std::string apply_environment_defaults(Settings& settings, const Environment& environment);

}  // namespace gserve::config
