// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace gserve {

/// Makes `ps` show `title` for this process (/proc/PID/cmdline): overwrites the memory of its arguments, so copy
/// them first. A title that is longer is cut off where they end.
///
/// `take_environment`: it may run on over the start of the environment, which is moved away before; for the start
/// of a program only, while nobody holds pointers into it. /proc/PID/environ then lacks its first variables.
void set_process_title(std::string_view title, bool take_environment = false);

}  // namespace gserve
