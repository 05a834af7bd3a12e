// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

/// Pieces of what gservectl prints.
namespace gserve::ctl {

/// Control characters as \xNN; a newline stays where the text may have several lines.
std::string printable(std::string_view text, bool lines);
/// As one line.
std::string line(std::string_view text);
/// "       State: running", with a newline.
std::string row(std::string_view label, std::string_view value);

}  // namespace gserve::ctl
