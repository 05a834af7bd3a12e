// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/config/settings.h"
#include "supervisor/core/types.h"

namespace gserve::config {

/// What the core needs to know of `settings`: one pool, "web".
core::SupervisorConfig supervisor_config(const Settings& settings);

/// How many requests one worker runs at most at the same time.
int requests_at_once(const Settings& settings);

/// The level that `loglevel` names.
core::LogLevel log_level(const Settings& settings);

}  // namespace gserve::config
