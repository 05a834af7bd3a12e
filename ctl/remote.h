// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace gserve::ctl {

/// The command line that runs gservectl on `host`, with these arguments (without the program's name) but for
/// -H itself. `terminal`: it is to have one there, too.
std::vector<std::string> remote_command(const std::string& host, const std::vector<std::string>& arguments,
                                        bool terminal);

/// Becomes ssh(1), whose exit code is that of the other gservectl, or 255. Returns only when it cannot: the
/// reason, in one line.
std::string run_remotely(const std::string& host, const std::vector<std::string>& arguments);

}  // namespace gserve::ctl
