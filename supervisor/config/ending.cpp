// SPDX-License-Identifier: MIT
#include "supervisor/config/ending.h"

namespace gserve::config {
namespace {

std::string on_one_line(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return line;
}

}  // namespace

std::string printed(const Ending& ending) {
  return ending.to_stdout ? ending.text : "gserve: " + ending.text + "\n";
}

void refuse(int exit_code, const std::string& text) {
  throw Stop{{exit_code, on_one_line(text), false}};
}

}  // namespace gserve::config
