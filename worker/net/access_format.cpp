// SPDX-License-Identifier: MIT
#include "worker/net/access_format.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

namespace gserve::net {
namespace {

constexpr std::string_view kDefaultFormat = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";
constexpr std::string_view kPlainAtoms = "hlutrmUqHsBbfaTMDLp";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_or_dash(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
  } else {
    append_escaped(out, text);
  }
}

std::string_view field(const http::RequestHead& head, std::string_view name) {
  for (const http::Field& f : head.fields) {
    if (same_name(f.name, name)) return f.value;
  }
  return {};
}

int base64_digit(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// The user name of Basic credentials (RFC 7617), empty if there are none.
std::string basic_user(const http::RequestHead& head) {
  std::string_view value = field(head, "Authorization");
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
    const char byte = static_cast<char>(bits >> count & 0xff);
    if (byte == ':') return user;
    user += byte;
  }
  return {};
}

/// HTTP_X_Y names the field X-Y.
void append_variable(std::string& out, std::string_view name, const AccessRecord& record) {
  const http::RequestHead& head = record.head;
  if (name == "REQUEST_METHOD") return append_or_dash(out, head.method);
  if (name == "QUERY_STRING") return append_or_dash(out, head.query);
  if (name == "RAW_URI") return append_or_dash(out, head.target);
  if (name == "SERVER_PROTOCOL") return append_or_dash(out, head.version());
  if (name == "REMOTE_ADDR") return append_or_dash(out, record.peer.address);
  if (name == "REMOTE_PORT") return append_or_dash(out, record.peer.port);
  if (!name.starts_with("HTTP_")) return append_or_dash(out, {});
  std::string field_name(name.substr(5));
  for (char& c : field_name) c = c == '_' ? '-' : c;
  append_or_dash(out, field(head, field_name));
}

void append_response_field(std::string& out, std::string_view name, const AccessRecord& record) {
  for (const auto& [field_name, value] : record.response_fields) {
    if (same_name(field_name, name)) return append_or_dash(out, value);
  }
  out += '-';
}

void append_line(std::string& out, const http::RequestHead& head) {
  append_escaped(out, head.method);
  out += ' ';
  append_escaped(out, head.target);
  out += ' ';
  out += head.version();
}

void append_decimal_seconds(std::string& out, std::int64_t microseconds) {
  std::array<char, 40> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(microseconds / 1'000'000),
                    static_cast<long long>(microseconds % 1'000'000));
  out.append(text.data(), static_cast<std::size_t>(size));
}

void append_plain(std::string& out, char atom, const AccessRecord& record) {
  const http::RequestHead& head = record.head;
  switch (atom) {
    case 'h':
      return append_or_dash(out, record.peer.address);
    case 'u':
      return append_or_dash(out, basic_user(head));
    case 't':
      out += record.time;
      return;
    case 'r':
      return append_line(out, head);
    case 'm':
      return append_or_dash(out, head.method);
    case 'U':
      return append_or_dash(out, head.path);
    case 'q':
      return append_escaped(out, head.query);
    case 'H':
      out += head.version();
      return;
    case 's':
      out += std::to_string(record.status);
      return;
    case 'B':
    case 'b':
      out += std::to_string(record.body_size);
      return;
    case 'f':
      return append_or_dash(out, field(head, "Referer"));
    case 'a':
      return append_or_dash(out, field(head, "User-Agent"));
    case 'T':
      out += std::to_string(record.microseconds / 1'000'000);
      return;
    case 'M':
      out += std::to_string(record.microseconds / 1'000);
      return;
    case 'D':
      out += std::to_string(record.microseconds);
      return;
    case 'L':
      return append_decimal_seconds(out, record.microseconds);
    case 'p':
      out += '<' + std::to_string(::getpid()) + '>';
      return;
    default:
      out += '-';
  }
}

}  // namespace

AccessFormat::AccessFormat(std::string_view format) {
  std::string_view rest = format.empty() ? kDefaultFormat : format;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parts_.push_back({0, std::exchange(literal, {})});
  };
  while (!rest.empty()) {
    const std::size_t close = rest.starts_with("%(") ? rest.find(')') : std::string_view::npos;
    if (close != std::string_view::npos && close + 1 < rest.size()) {
      end_literal();
      add(rest.substr(2, close - 2));
      rest.remove_prefix(close + 2);  // with the conversion, always a string
      continue;
    }
    literal += rest[0];
    rest.remove_prefix(rest.starts_with("%%") ? 2 : 1);
  }
  end_literal();
}

void AccessFormat::add(std::string_view atom) {
  if (atom.size() == 1 && kPlainAtoms.find(atom[0]) != std::string_view::npos) {
    parts_.push_back({atom[0], {}});
    return;
  }
  const std::size_t size = atom.size();
  const bool named = size > 3 && atom[0] == '{' && atom[size - 2] == '}' &&
                     (atom[size - 1] == 'i' || atom[size - 1] == 'o' || atom[size - 1] == 'e');
  if (!named) {
    parts_.push_back({0, "-"});
    return;
  }
  parts_.push_back({atom[size - 1], std::string(atom.substr(1, size - 3))});
  wants_response_fields_ = wants_response_fields_ || atom[size - 1] == 'o';
}

void AccessFormat::append(std::string& out, const AccessRecord& record) const {
  for (const Part& part : parts_) {
    switch (part.atom) {
      case 0:
        out += part.text;
        break;
      case 'i':
        append_or_dash(out, field(record.head, part.text));
        break;
      case 'o':
        append_response_field(out, part.text, record);
        break;
      case 'e':
        append_variable(out, part.text, record);
        break;
      default:
        append_plain(out, part.atom, record);
    }
  }
  out += '\n';
}

}  // namespace gserve::net
