// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/config/assignment.h"

namespace gserve::config {

/// Looks an environment variable up; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The defaults that the environment changes: WEB_CONCURRENCY (workers), PORT (bind) and FORWARDED_ALLOW_IPS
/// (forwarded_allow_ips; empty: nobody), SENDFILE (sendfile). The first two count as not set when they are empty.
/// Throws Stop.
std::vector<Assignment> environment_defaults(const Environment& environment);

}  // namespace gserve::config
