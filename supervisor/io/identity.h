// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>

#include "supervisor/config/settings.h"
#include "supervisor/ports/process_launcher.h"

namespace gserve::io {

/// As whom workers run: --user, --group, --initgroups. Nothing: as the supervisor. Or one clear line.
///
/// Other than with gunicorn nothing of root is left where the user changes: without --group it is the user's own
/// group, without --initgroups the supplementary groups are dropped.
std::variant<std::optional<ports::Identity>, std::string> worker_identity(const config::Settings& settings);

}  // namespace gserve::io
