// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

/// Character classes and the small text tools that parser and writer share. All of ASCII only, no locale.
namespace gserve::http {

namespace detail {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c | 0x20] = true;
  return table;
}

constexpr std::array<signed char, 256> make_hex_table() {
  std::array<signed char, 256> table{};
  table.fill(-1);
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<signed char>(i);
  for (unsigned i = 0; i < 6; ++i) table['a' + i] = table['A' + i] = static_cast<signed char>(10 + i);
  return table;
}

inline constexpr std::array<bool, 256> kTokenTable = make_token_table();
inline constexpr std::array<signed char, 256> kHexTable = make_hex_table();

}  // namespace detail

/// tchar (RFC 9110, 5.6.2).
constexpr bool is_token_char(char c) {
  return detail::kTokenTable[static_cast<unsigned char>(c)];
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}
/// The value of a hexadecimal digit, -1 if it is none.
constexpr int hex_value(char c) {
  return detail::kHexTable[static_cast<unsigned char>(c)];
}
/// What may surround a field value (OWS, RFC 9110, 5.6.3).
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
/// Control characters without HTAB: never legal in a field value (RFC 9110, 5.5).
constexpr bool is_forbidden_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
}

/// Compares without case; `lower` is in lower case.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

/// `text` without surrounding spaces and tabs.
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls `visit` with each member of a comma-separated list, trimmed; empty members are passed too.
template <typename Visit>
constexpr void for_each_member(std::string_view list, Visit visit) {
  while (true) {
    const std::size_t comma = list.find(',');
    visit(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace gserve::http
