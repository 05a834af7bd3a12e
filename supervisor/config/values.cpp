// SPDX-License-Identifier: MIT
#include "supervisor/config/values.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace gserve::config {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Splits off the base that a leading 0, 0o, 0x or 0b tells.
int take_base(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char letter = static_cast<char>(digits[1] | 0x20);
  digits.remove_prefix(1);
  if (letter != 'o' && letter != 'x' && letter != 'b') return 8;
  digits.remove_prefix(1);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const int base = take_base(text);
  if (text.starts_with('-')) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return negative ? -number : number;
}

std::optional<double> parse_decimal(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

/// An integer, perhaps with a unit: K, M or G (1024, 1024^2, 1024^3).
std::optional<std::int64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kUnits = "kmg";
  if (text.empty()) return std::nullopt;
  const auto unit = kUnits.find(static_cast<char>(text.back() | 0x20));
  if (unit == std::string_view::npos) return parse_integer(text);
  text.remove_suffix(1);
  const auto number = parse_integer(text);
  std::int64_t bytes = 0;
  const std::int64_t size = std::int64_t{1} << (10 * (unit + 1));
  if (!number || __builtin_mul_overflow(*number, size, &bytes)) return std::nullopt;
  return bytes;
}

ParsedValue parse_flag(std::string_view word) {
  if (word == "true") return {true, {}};
  if (word == "false") return {false, {}};
  return {{}, "must be true or false"};
}

std::string decimal_text(double number) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return error == std::errc{} ? std::string(buffer, end) : std::string("?");
}

struct Texts {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return decimal_text(number); }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(const std::vector<std::string>& items) const {
    std::string joined;
    for (const std::string& item : items) joined += (joined.empty() ? "" : " ") + item;
    return joined;
  }
  std::string operator()(const Dictionary& entries) const {
    std::string joined;
    for (const auto& [key, value] : entries) joined += (joined.empty() ? "" : " ") + key + "=" + value;
    return joined;
  }
};

}  // namespace

ParsedValue parse_value(const Setting& setting, const std::vector<std::string>& words) {
  if (setting.kind == Kind::list) {
    std::vector<std::string> items;
    items.reserve(words.size());
    for (const std::string& word : words) items.emplace_back(trimmed(word));
    return {std::move(items), {}};
  }
  const std::string_view word = trimmed(words.back());
  switch (setting.kind) {
    case Kind::flag:
      return parse_flag(word);
    case Kind::integer:
      if (const auto number = parse_integer(word)) return {*number, {}};
      return {{}, "must be an integer"};
    case Kind::bytes:
      if (const auto number = parse_bytes(word)) return {*number, {}};
      return {{}, "must be a number of bytes, such as 536870912, 512M or 2G"};
    case Kind::seconds:
      if (const auto number = parse_decimal(word)) return {*number, {}};
      return {{}, "must be a number of seconds"};
    case Kind::text:
    case Kind::identity:
    case Kind::list:
    case Kind::dictionary:
    case Kind::json:
    case Kind::callable:
      break;
  }
  return {std::string(word), {}};
}

std::string to_text(const Value& value) {
  return std::visit(Texts{}, value);
}

}  // namespace gserve::config
