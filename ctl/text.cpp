// SPDX-License-Identifier: MIT
#include "ctl/text.h"

#include <algorithm>
#include <cstdio>

namespace gserve::ctl {

std::string printable(std::string_view text, bool lines) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool kept = (byte >= ' ' && byte != 0x7F) || (lines && (c == '\n' || c == '\t'));
    if (kept) {
      out += c;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    }
  }
  return out;
}

std::string line(std::string_view text) {
  return printable(text, false);
}

std::string row(std::string_view label, std::string_view value) {
  constexpr std::size_t kWidth = 12;
  return std::string(kWidth - std::min(kWidth, label.size()), ' ') + std::string(label) + ": " +
         std::string(value) + "\n";
}

}  // namespace gserve::ctl
