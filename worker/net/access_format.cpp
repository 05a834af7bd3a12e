// SPDX-License-Identifier: MIT
#include "worker/net/access_format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "worker/net/access_json.h"
#include "worker/net/log_text.h"

namespace gserve::net {
namespace {

constexpr std::string_view kDefaultFormat = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";
constexpr std::string_view kPlainAtoms = "hlutrmUqHsBbfaTMDLp";
constexpr std::size_t kMostWidth = 1000;

/// A dash for what is not there.
void append_optional(std::string& out, std::optional<std::string_view> text) {
  append_escaped(out, text.value_or("-"));
}

void append_or_dash(std::string& out, std::string_view text) {
  append_escaped(out, text.empty() ? "-" : text);
}

/// All values, joined as in the environ.
void append_joined(std::string& out, const http::RequestHead& head, std::string_view name) {
  bool found = false;
  for (const http::Field& field : head.fields) {
    if (!same_name(field.name, name)) continue;
    if (found) out += ',';
    append_escaped(out, field.value);
    found = true;
  }
  if (!found) out += '-';
}

void append_response_field(std::string& out, std::string_view name, const AccessRecord& record) {
  std::optional<std::string_view> last;
  for (const auto& [field_name, value] : record.response_fields) {
    if (same_name(field_name, name)) last = value;
  }
  append_optional(out, last);
}

void append_line(std::string& out, const http::RequestHead& head) {
  append_escaped(out, head.method);
  out += ' ';
  append_escaped(out, head.target);
  out += ' ';
  append_escaped(out, head.version());
}

void append_decimal_seconds(std::string& out, std::int64_t microseconds) {
  std::array<char, 40> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(microseconds / 1'000'000),
                    static_cast<long long>(microseconds % 1'000'000));
  out.append(text.data(), static_cast<std::size_t>(size));
}

/// Atoms of the request.
void append_request(std::string& out, char atom, const http::RequestHead& head) {
  switch (atom) {
    case 'u':
      return append_or_dash(out, basic_user(head));
    case 'r':
      return append_line(out, head);
    case 'm':
      return append_escaped(out, head.method);
    case 'U':
      return append_decoded(out, head.path);
    case 'q':
      return append_escaped(out, head.query);
    case 'H':
      return append_escaped(out, head.version());
    case 'f':
      return append_joined(out, head, "Referer");
    case 'a':
      return append_joined(out, head, "User-Agent");
    default:
      out += '-';
  }
}

/// Text and its size of a Python conversion after the parenthesis: "-20s".
struct Conversion {
  std::size_t size = 0;
  std::size_t width = 0;
  bool left = false;
};

Conversion read_conversion(std::string_view text) {
  Conversion read;
  for (; read.size < text.size(); ++read.size) {
    const char c = text[read.size];
    if (c == '-') {
      read.left = true;
    } else if (c >= '0' && c <= '9') {
      read.width = std::min(read.width * 10 + static_cast<std::size_t>(c - '0'), kMostWidth);
    } else {
      ++read.size;  // the conversion, always a string
      break;
    }
  }
  return read;
}

}  // namespace

AccessFormat::AccessFormat(std::string_view format, pid_t pid, std::uint64_t generation)
    : json_(format == "json"), pid_('<' + std::to_string(pid) + '>') {
  json_constants_ = ",\"pid\":" + std::to_string(pid) + ",\"generation\":" + std::to_string(generation);
  if (!json_) compile(format.empty() ? kDefaultFormat : format);
}

void AccessFormat::compile(std::string_view rest) {
  std::string literal;
  const auto end_literal = [&] {
    if (literal.empty()) return;
    parts_.emplace_back();
    parts_.back().text = std::exchange(literal, {});
  };
  while (!rest.empty()) {
    const std::size_t close = rest.starts_with("%(") ? rest.find(')') : std::string_view::npos;
    if (close != std::string_view::npos && close + 1 < rest.size()) {
      end_literal();
      const Conversion conversion = read_conversion(rest.substr(close + 1));
      Part part = part_of(rest.substr(2, close - 2));
      part.width = conversion.width;
      part.left = conversion.left;
      parts_.push_back(std::move(part));
      rest.remove_prefix(close + 1 + conversion.size);
      continue;
    }
    literal += rest[0];
    rest.remove_prefix(rest.starts_with("%%") ? 2 : 1);
  }
  end_literal();
}

AccessFormat::Part AccessFormat::part_of(std::string_view atom) {
  Part part;
  if (atom.size() == 1 && kPlainAtoms.find(atom[0]) != std::string_view::npos) {
    part.atom = atom[0];
    return part;
  }
  const std::size_t size = atom.size();
  const char kind = size > 3 && atom[0] == '{' && atom[size - 2] == '}' ? atom[size - 1] : '\0';
  part.text = "-";
  if (kind != 'i' && kind != 'o' && kind != 'e') return part;
  part.atom = kind;
  part.text = atom.substr(1, size - 3);
  wants_response_fields_ = wants_response_fields_ || kind == 'o';
  if (kind != 'e') return part;
  part.variable = variables_.size();
  variables_.push_back(part.text);
  return part;
}

void AccessFormat::append(std::string& out, const AccessRecord& record, std::size_t limit) const {
  const std::size_t start = out.size();
  if (json_) {
    append_json(out, record, limit);
  } else {
    append_text_line(out, record);
    if (out.size() - start >= limit) out.resize(start + limit - 1);
  }
  out += '\n';
}

void AccessFormat::append_json(std::string& out, const AccessRecord& record, std::size_t limit) const {
  // An escaped byte takes six: seven texts of 64 bytes fit any limit that there is.
  const std::size_t start = out.size();
  for (const std::size_t most : {std::string::npos, std::size_t{512}, std::size_t{64}}) {
    out.resize(start);
    append_json_line(out, record, json_constants_, most);
    if (out.size() - start < limit) return;
  }
}

void AccessFormat::append_text_line(std::string& out, const AccessRecord& record) const {
  for (const Part& part : parts_) {
    const std::size_t start = out.size();
    append_atom(out, part, record);
    const std::size_t size = out.size() - start;
    if (size < part.width) out.insert(part.left ? out.size() : start, part.width - size, ' ');
  }
}

void AccessFormat::append_atom(std::string& out, const Part& part, const AccessRecord& record) const {
  switch (part.atom) {
    case 0:
      out += part.text;
      return;
    case 'i':
      return append_optional(out, last_field(record.head, part.text));
    case 'o':
      return append_response_field(out, part.text, record);
    case 'e':
      return append_optional(
          out, part.variable < record.variables.size() ? record.variables[part.variable] : std::nullopt);
    case 'h':
      return append_or_dash(out, record.peer.address);
    case 't':
      out += record.time;
      return;
    case 's':
      return append_number(out, record.status);
    case 'B':
    case 'b':
      return append_number(out, static_cast<std::int64_t>(record.body_size));
    case 'T':
      return append_number(out, record.microseconds / 1'000'000);
    case 'M':
      return append_number(out, record.microseconds / 1'000);
    case 'D':
      return append_number(out, record.microseconds);
    case 'L':
      return append_decimal_seconds(out, record.microseconds);
    case 'p':
      out += pid_;
      return;
    default:
      return append_request(out, part.atom, record.head);
  }
}

}  // namespace gserve::net
