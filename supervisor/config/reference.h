// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gserve::config {

/// docs/settings.md: every setting of the table, with its flags, default and meaning.
std::string settings_reference();

}  // namespace gserve::config
