// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_text.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace gserve::io {

namespace {

std::string printable(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if ((byte >= 0x20 && byte != 0x7f) || character == '\t' || character == '\n') {
      out.push_back(character);
    } else {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    }
  }
  return out;
}

}  // namespace

std::string printable_word(const std::string& value) {
  constexpr std::size_t kLongest = 32;
  std::string word = value.substr(0, kLongest);
  for (char& character : word) {
    const bool known = std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_' ||
                       character == '.' || character == '-';
    if (!known) character = '?';
  }
  return word;
}

std::string decode_boot_error(const std::string& value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  return printable(json.is_string() ? json.get<std::string>() : value);
}

ChangedFile decode_change(const std::string& value) {
  std::string text = decode_boot_error(value);
  std::replace(text.begin(), text.end(), '\n', '?');
  const std::size_t space = std::min(text.find(' '), text.size());
  return {text.substr(0, space), text.substr(std::min(space + 1, text.size()))};
}

}  // namespace gserve::io
