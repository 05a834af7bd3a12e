// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// The built-in value as people write it; empty for None and for a flag that is off.
std::string default_text(const Setting& setting);

/// What --help prints: every setting of the table that has a flag, under its section, with its default.
std::string help_text();

}  // namespace gserve::config
