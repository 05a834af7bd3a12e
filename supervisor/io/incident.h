// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/io/launch_registry.h"

namespace gserve::io {

/// What an ended worker left in its incident file, with the request that its scoreboard still shows as
/// running, as text for the log. Empty when it dumped nothing.
std::string incident_text(const Launch& launch);

}  // namespace gserve::io
