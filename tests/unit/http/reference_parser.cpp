// SPDX-License-Identifier: MIT
#include "tests/unit/http/reference_parser.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

namespace gserve::http::test {
namespace {

const std::regex kLine(R"(([-!$%&'*+.^_`|~0-9A-Z]{3,20}) ([^ #]+) HTTP/1\.([01]))");
const std::regex kAbsolute(R"(https?://([^/?]+)(/[^?]*)?(\?.*)?)", std::regex::icase);
const std::regex kOrigin(R"((/[^?]*)(\?.*)?)");
const std::regex kFieldLine(R"(([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*(.*))");
const std::regex kAuthority(
    R"((\[[0-9A-Fa-f:.]{2,}\]|(?:[-A-Za-z0-9._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?)");

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c < 128 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  return text;
}

/// The lines of the head without CRLF; empty if it is not complete or not made of clean lines.
std::vector<std::string> clean_lines(std::string_view bytes, std::size_t& head_size) {
  const std::size_t start = bytes.substr(0, 2) == "\r\n" ? 2 : 0;
  const std::size_t end = bytes.find("\r\n\r\n", start);
  if (end == bytes.npos) return {};
  head_size = end + 4;
  std::vector<std::string> lines(1);
  for (std::size_t i = start; i < end; ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\r' && bytes[i + 1] == '\n') {
      lines.emplace_back();
      ++i;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return {};
    } else {
      lines.back() += bytes[i];
    }
  }
  return lines;
}

bool valid_authority(const std::string& text) {
  std::smatch match;
  if (!std::regex_match(text, match, kAuthority)) return false;
  return match[2].str().empty() || std::stoi(match[2].str()) <= 65535;
}

/// Fills path and query; `authority` stays empty unless the target is absolute.
bool split_line(const std::string& line, Outcome& out, std::string& authority) {
  std::smatch match;
  if (line.find('\t') != line.npos || !std::regex_match(line, match, kLine)) return false;
  out.line = line;
  out.method = match[1];
  out.target = match[2];
  out.minor_version = match[3] == "1" ? 1 : 0;
  if (out.method == "CONNECT") return false;
  out.path = "*";
  if (out.target == "*") return out.method == "OPTIONS";
  if (std::regex_match(out.target, match, kOrigin)) {
    out.path = match[1];
    out.query = match[2].length() ? match[2].str().substr(1) : "";
    return true;
  }
  if (!std::regex_match(out.target, match, kAbsolute)) return false;
  authority = match[1];
  out.path = match[2].length() ? match[2].str() : "/";
  out.query = match[3].length() ? match[3].str().substr(1) : "";
  return valid_authority(authority);
}

bool split_fields(const std::vector<std::string>& lines, Outcome& out) {
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_match(lines[i], match, kFieldLine)) return false;
    std::string value = match[2];
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    out.fields.emplace_back(match[1], value);
  }
  return true;
}

std::vector<std::string> values_of(const Outcome& out, const std::string& name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : out.fields) {
    if (lower(key) == name) values.push_back(value);
  }
  return values;
}

bool framing(Outcome& out) {
  const auto lengths = values_of(out, "content-length"), codings = values_of(out, "transfer-encoding");
  if (lengths.size() + codings.size() > 1) return false;
  if (!codings.empty() && (out.minor_version == 0 || lower(codings[0]) != "chunked")) return false;
  out.chunked = !codings.empty();
  if (lengths.empty()) return true;
  if (!std::regex_match(lengths[0], std::regex("[0-9]{1,18}"))) return false;
  out.content_length = std::stoull(lengths[0]);
  return true;
}

bool host(Outcome& out, const std::string& authority) {
  const auto hosts = values_of(out, "host");
  if (hosts.size() > 1 || values_of(out, "content-type").size() > 1 ||
      (hosts.empty() && out.minor_version == 1))
    return false;
  if (!hosts.empty() && !hosts[0].empty() && !valid_authority(hosts[0])) return false;
  for (auto& [key, value] : out.fields) {
    if (!authority.empty() && lower(key) == "host") value = authority;
  }
  return true;
}

void connection(Outcome& out) {
  bool close = false, keep = false;
  for (const std::string& value : values_of(out, "connection")) {
    std::istringstream list(lower(value));
    for (std::string option; std::getline(list, option, ',');) {
      close |= std::regex_match(option, std::regex("[ \t]*close[ \t]*"));
      keep |= std::regex_match(option, std::regex("[ \t]*keep-alive[ \t]*"));
    }
  }
  out.keep_alive = !close && (keep || out.minor_version == 1);
}

bool expectation(Outcome& out) {
  if (out.minor_version == 0) return true;
  const auto values = values_of(out, "expect");
  const bool body = out.chunked || out.content_length.value_or(0) > 0;
  out.expect_continue = !values.empty() && body;
  return std::all_of(values.begin(), values.end(),
                     [](const auto& value) { return lower(value) == "100-continue"; });
}

}  // namespace

Outcome parse_by_reference(std::string_view bytes) {
  Outcome out;
  std::string authority;
  const std::vector<std::string> lines = clean_lines(bytes, out.head_size);
  if (lines.empty() || !split_line(lines[0], out, authority) || !split_fields(lines, out) || !framing(out) ||
      !host(out, authority) || !expectation(out)) {
    return {};
  }
  connection(out);
  out.status = RequestParser::Status::complete;
  return out;
}

}  // namespace gserve::http::test
