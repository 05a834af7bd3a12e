// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What may be written where: control sequences (ECMA-48) only to a terminal.
namespace gserve::ctl {

/// Where the results go.
struct Terminal {
  bool interactive = false;  // a terminal that understands control sequences
  bool color = false;
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// What standard output is. No colour with $NO_COLOR (https://no-color.org), no control sequences where $TERM says
/// "dumb" or nothing.
Terminal standard_output();

enum class Color { red, green, yellow, dim, bold, reverse };
/// `text` in that colour where the terminal has any.
std::string in(Color color, std::string_view text, const Terminal& terminal);

/// Back to the start of the line, and empty it.
inline constexpr char kEraseLine[] = "\r\x1b[K";

}  // namespace gserve::ctl
