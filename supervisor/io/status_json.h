// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/ports/control_bus.h"

namespace gserve::io {

/// The status as one JSON object: the keys, and what they hold, are those of `gservectl --json status`. What is not
/// UTF-8 is replaced.
std::string status_json(const ports::StatusReport& status);

}  // namespace gserve::io
