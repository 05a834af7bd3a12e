// SPDX-License-Identifier: MIT
#include "worker/net/access_fields.h"

namespace gserve::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int base64_digit(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::optional<std::string_view> first_field(const http::RequestHead& head, std::string_view name) {
  for (const http::Field& field : head.fields) {
    if (same_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> last_field(const http::RequestHead& head, std::string_view name) {
  for (auto field = head.fields.rbegin(); field != head.fields.rend(); ++field) {
    if (same_name(field->name, name)) return field->value;
  }
  return std::nullopt;
}

std::string basic_user(const http::RequestHead& head) {
  std::string_view value = first_field(head, "Authorization").value_or("");
  if (value.size() < 6 || !same_name(value.substr(0, 6), "Basic ")) return {};
  std::string user;
  unsigned bits = 0;
  int count = 0;
  for (const char c : value.substr(6)) {
    const int digit = base64_digit(c);
    if (digit < 0) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    const auto byte = static_cast<char>(bits >> count & 0xff);
    if (byte == ':') return user;
    user += byte;
  }
  return {};
}

}  // namespace gserve::net
