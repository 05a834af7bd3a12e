// SPDX-License-Identifier: MIT
#include "worker/http/request_target.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

/// unreserved and sub-delims (RFC 3986, 2.2 and 2.3): reg-name without percent-encoding.
constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("-._~!$&'()*+,;=")) table[static_cast<unsigned char>(c)] = true;
  for (unsigned c = 0; c < 128; ++c) {
    if (is_digit(static_cast<char>(c)) || is_alpha(static_cast<char>(c))) table[c] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kHostTable = make_host_table();

/// The bytes that may stand in a target: everything visible and 0x80 to 0xFF, but not '#'.
constexpr std::array<bool, 256> make_target_table() {
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x100; ++c) table[c] = c != '#' && c != 0x7f;
  return table;
}
constexpr std::array<bool, 256> kTargetTable = make_target_table();

bool has_target_chars_only(std::string_view text) {
  for (const char c : text) {
    if (!kTargetTable[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

/// The size of the host at the start of `value`, 0 if there is no valid one.
std::size_t ip_literal_size(std::string_view value) {
  std::size_t at = 1;
  while (at < value.size() && (hex_value(value[at]) >= 0 || value[at] == ':' || value[at] == '.')) ++at;
  return at < value.size() && value[at] == ']' && at > 2 ? at + 1 : 0;
}

std::size_t reg_name_size(std::string_view value) {
  std::size_t at = 0;
  while (at < value.size()) {
    if (kHostTable[static_cast<unsigned char>(value[at])]) {
      ++at;
    } else if (value[at] == '%' && at + 2 < value.size() && hex_value(value[at + 1]) >= 0 &&
               hex_value(value[at + 2]) >= 0) {
      at += 3;
    } else {
      break;
    }
  }
  return at;
}

bool is_valid_port(std::string_view port) {
  if (port.size() > 5) return false;
  unsigned value = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65535;
}

/// "http://" or "https://", of any case: its size, 0 if `target` starts with neither.
std::size_t scheme_size(std::string_view target) {
  if (equals_ignoring_case(target.substr(0, 7), "http://")) return 7;
  if (equals_ignoring_case(target.substr(0, 8), "https://")) return 8;
  return 0;
}

void split_path(std::string_view text, Target& out) {
  const std::size_t mark = text.find('?');
  out.path = text.substr(0, mark);
  if (mark != std::string_view::npos) out.query = text.substr(mark + 1);
}

const char* split_absolute(std::string_view target, Target& out) {
  const std::size_t start = scheme_size(target);
  if (start == 0) return "request target is neither a path nor an http URL";
  const std::string_view rest = target.substr(start);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  out.authority = rest.substr(0, end);
  if (!is_valid_authority(out.authority)) return "invalid host in the request target";
  split_path(rest.substr(end), out);
  // An empty path means "/": the last one of "http://" stands for it, since views must point into the target.
  if (out.path.empty()) out.path = target.substr(start - 1, 1);
  return nullptr;
}

}  // namespace

bool is_valid_authority(std::string_view value) {
  const bool literal = !value.empty() && value.front() == '[';
  const std::size_t host = literal ? ip_literal_size(value) : reg_name_size(value);
  if (host == 0) return false;
  const std::string_view rest = value.substr(host);
  return rest.empty() || (rest.front() == ':' && is_valid_port(rest.substr(1)));
}

const char* split_target(std::string_view target, bool options, Target& out) {
  if (target.empty()) return "empty request target";
  if (!has_target_chars_only(target)) return "forbidden character in the request target";
  if (target.front() == '/') {
    split_path(target, out);
    return nullptr;
  }
  if (target == "*") {
    out.path = target;
    return options ? nullptr : "request target * is for OPTIONS only";
  }
  return split_absolute(target, out);
}

}  // namespace gserve::http
