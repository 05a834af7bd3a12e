// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// "-w,--workers" as {"-w", "--workers"}.
std::vector<std::string_view> split_flags(std::string_view flags);

/// The flag that messages name: the first long one; the setting's name when it has no flag.
std::string_view long_flag(const Setting& setting);

/// The supported flag nearest to `flag` by edit distance, or empty when none is near.
std::string_view nearest_flag(std::string_view flag);

}  // namespace gserve::config
