// SPDX-License-Identifier: MIT
#include "supervisor/io/message_fields.h"

#include <algorithm>
#include <charconv>

namespace gserve::io {

MessageFields parse_fields(std::string_view text) {
  MessageFields fields;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    fields.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
  }
  return fields;
}

std::string format_fields(const MessageFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += name + '=' + value + '\n';
  return text;
}

std::optional<std::uint64_t> number_field(const MessageFields& fields, std::string_view name) {
  const auto field = fields.find(name);
  if (field == fields.end()) return std::nullopt;
  const std::string& digits = field->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace gserve::io
