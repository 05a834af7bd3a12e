// SPDX-License-Identifier: MIT
#include "worker/net/log_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gserve::net {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

unsigned char byte(char c) {
  return static_cast<unsigned char>(c);
}

void append_escaped(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (byte(c) < 0x20 || byte(c) >= 0x7f) {
    out += "\\x";
    out += kHex[byte(c) >> 4];
    out += kHex[byte(c) & 15];
  } else {
    out += c;
  }
}

/// -1 for no digit.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Whether `text` goes on with a continuation byte at `at` that is in range.
bool continues(std::string_view text, std::size_t at, unsigned low = 0x80, unsigned high = 0xbf) {
  return at < text.size() && byte(text[at]) >= low && byte(text[at]) <= high;
}

/// The size of the character that `text` begins with (RFC 3629, 4); 0 if it is not well-formed.
std::size_t utf8_size(std::string_view text) {
  const unsigned first = byte(text[0]);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(text, 1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;   // no longer form than needed
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogate
    return continues(text, 1, low, high) && continues(text, 2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
    return continues(text, 1, low, high) && continues(text, 2) && continues(text, 3) ? 4 : 0;
  }
  return 0;
}

bool plain_in_json(char c) {
  return byte(c) >= 0x20 && byte(c) < 0x7f && c != '"' && c != '\\';
}

/// Appends what `text` begins with and is not plain; returns its size.
std::size_t append_special(std::string& out, std::string_view text) {
  const char c = text[0];
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
    return 1;
  }
  if (byte(c) < 0x20 || c == 0x7f) {
    out += "\\u00";
    out += kHex[byte(c) >> 4];
    out += kHex[byte(c) & 15];
    return 1;
  }
  const std::size_t size = utf8_size(text);
  out += size == 0 ? std::string_view("\\ufffd") : text.substr(0, size);
  return std::max<std::size_t>(size, 1);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) append_escaped(out, c);
}

void append_decoded(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    append_escaped(out, low >= 0 ? static_cast<char>(high << 4 | low) : text[i]);
    if (low >= 0) i += 2;
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), plain_in_json) - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(append_special(out, text));
  }
  out += '"';
}

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 24> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

}  // namespace gserve::net
