// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control_text.h"

#include <cstddef>
#include <cstdint>

namespace gserve::io {
namespace {

constexpr std::size_t kMaxText = std::size_t{64} * 1024;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// Length of the sequence that `lead` starts, 0 if it cannot start one.
std::size_t sequence_length(unsigned char lead) {
  if (lead != 0 && lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

std::uint32_t decode(std::string_view sequence) {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]);
  std::uint32_t point = static_cast<unsigned char>(sequence[0]) & (0x7FU >> sequence.size());
  for (char c : sequence.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3FU);
  return point;
}

/// RFC 3629 section 3: the shortest form only, no surrogates, nothing above U+10FFFF.
bool is_allowed(std::uint32_t point, std::size_t length) {
  constexpr std::uint32_t kSmallest[] = {0, 0x01, 0x80, 0x800, 0x10000};
  return point >= kSmallest[length] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

/// Length of the valid character at the start of `text`, 0 if there is none.
std::size_t valid_character(std::string_view text) {
  const std::size_t length = sequence_length(static_cast<unsigned char>(text.front()));
  if (length == 0 || length > text.size()) return 0;
  for (char c : text.substr(1, length - 1)) {
    if (!is_continuation(c)) return 0;
  }
  return is_allowed(decode(text.substr(0, length)), length) ? length : 0;
}

void append_escaped(std::string& out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 0xF];
}

}  // namespace

std::string bus_text(std::string_view text) {
  std::string out;
  if (text.size() > kMaxText) {
    text.remove_prefix(text.size() - kMaxText);
    out = "... ";
  }
  out.reserve(out.size() + text.size());
  while (!text.empty()) {
    const std::size_t length = valid_character(text);
    if (length == 0) {
      append_escaped(out, static_cast<unsigned char>(text.front()));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace gserve::io
