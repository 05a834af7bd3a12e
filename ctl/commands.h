// SPDX-License-Identifier: MIT
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "ctl/arguments.h"
#include "ctl/terminal.h"

namespace gserve::ctl {

/// Runs one command: results and progress to `out`, which is what `terminal` says (with --json progress goes to
/// `err`), what went wrong to `err`. Instances are looked for in `roots`. Returns the exit code
/// (ctl/exit_codes.h).
int run_command(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
                std::ostream& err, const Terminal& terminal = {});

}  // namespace gserve::ctl
