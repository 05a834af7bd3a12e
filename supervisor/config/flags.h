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

/// The long flags, one of each setting, that `beginning` may stand for: itself if it is one; else all that begin
/// so, unless exactly one of them is gunicorn's: then that one, as there.
std::vector<std::string_view> flags_that_begin(std::string_view beginning);

/// The name of the setting that is nearest to `name`, or empty when none is near.
std::string_view nearest_setting(std::string_view name);

/// The supported flag nearest to `flag` by edit distance, or empty when none is near.
std::string_view nearest_flag(std::string_view flag);

}  // namespace gserve::config
