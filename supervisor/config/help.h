// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gserve::config {

/// What --help prints: every setting of the table that has a flag, under its section, with its default.
std::string help_text();

}  // namespace gserve::config
