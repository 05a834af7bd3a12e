// SPDX-License-Identifier: MIT
#include "supervisor/config/utf8.h"

#include <cstddef>

namespace gserve::config {
namespace {

using Byte = unsigned char;

/// What may follow a first byte: how many bytes, and the range of the next one (RFC 3629 section 4).
struct Sequence {
  std::size_t following;
  Byte low = 0x80;
  Byte high = 0xBF;
};

constexpr std::size_t kNeverFirst = 9;

Sequence sequence_of(Byte first) {
  if (first < 0x80) return {0};
  if (first < 0xC2 || first > 0xF4) return {kNeverFirst};
  if (first < 0xE0) return {1};
  if (first == 0xE0) return {2, 0xA0, 0xBF};
  if (first == 0xED) return {2, 0x80, 0x9F};
  if (first < 0xF0) return {2};
  if (first == 0xF0) return {3, 0x90, 0xBF};
  if (first == 0xF4) return {3, 0x80, 0x8F};
  return {3};
}

bool is_continuation(char c) {
  return (static_cast<Byte>(c) & 0xC0) == 0x80;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto [following, low, high] = sequence_of(static_cast<Byte>(text[0]));
    if (following >= text.size()) return false;
    for (std::size_t i = 1; i <= following; ++i) {
      if (!is_continuation(text[i])) return false;
    }
    if (following > 0 && (static_cast<Byte>(text[1]) < low || static_cast<Byte>(text[1]) > high))
      return false;
    text.remove_prefix(following + 1);
  }
  return true;
}

}  // namespace gserve::config
