// SPDX-License-Identifier: MIT
#include "worker/http/request_parser.h"

#include <algorithm>
#include <utility>

#include "worker/http/request_target.h"
#include "worker/http/scan.h"
#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

constexpr std::size_t kMinMethod = 3;
constexpr std::size_t kMaxMethod = 20;

/// A token as gunicorn takes it: 3 to 20 characters, no lower case, no '#'.
bool is_conventional_method(std::string_view method) {
  if (method.size() < kMinMethod || method.size() > kMaxMethod) return false;
  return std::all_of(method.begin(), method.end(),
                     [](char c) { return is_token_char(c) && c != '#' && !(c >= 'a' && c <= 'z'); });
}

/// HTTP-version (RFC 9112, 2.3). Returns a Refusal with status 0 for HTTP/1.0 and 1.1.
Refusal parse_version(std::string_view text, int& minor) {
  constexpr std::string_view kName = "HTTP/";
  if (text.size() != 8 || text.substr(0, kName.size()) != kName || !is_digit(text[5]) || text[6] != '.' ||
      !is_digit(text[7])) {
    return {400, "invalid request line"};
  }
  minor = text[7] - '0';
  if (text[5] != '1' || minor > 1) return {505, "unsupported HTTP version"};
  return {};
}

void move_view(std::string_view& view, const char* from, const char* to) {
  if (view.data() != nullptr) view = {to + (view.data() - from), view.size()};
}

}  // namespace

RequestParser::RequestParser(Limits limits) : limits_(limits) {}

void RequestParser::reset() {
  head_.fields.clear();  // keeps its memory
  head_.line = head_.method = head_.target = head_.path = head_.query = {};
  head_.minor_version = 1;
  head_.keep_alive = true;
  head_.expect_continue = head_.chunked = false;
  head_.content_length.reset();
  rules_ = FieldRules{};
  refusal_ = Refusal{};
  authority_ = {};
  data_ = nullptr;
  line_start_ = searched_ = 0;
  status_ = Status::need_more;
  part_ = Part::request_line;
}

RequestParser::Status RequestParser::parse(std::string_view input) {
  if (status_ != Status::need_more) return status_;
  follow(input.data());
  std::string_view line;
  if (line_start_ == 0 && !skip_empty_line(input)) return status_;
  while (status_ == Status::need_more && find_line(input, line)) take_line(line, input);
  return status_;
}

/// Keeps the views right when the caller's buffer has moved.
void RequestParser::follow(const char* data) {
  const char* const from = std::exchange(data_, data);
  if (from == data || from == nullptr) return;
  for (std::string_view* view :
       {&head_.line, &head_.method, &head_.target, &head_.path, &head_.query, &authority_}) {
    move_view(*view, from, data);
  }
  for (Field& field : head_.fields) {
    move_view(field.name, from, data);
    move_view(field.value, from, data);
  }
}

/// False while it is open whether there is an empty line.
bool RequestParser::skip_empty_line(std::string_view input) {
  if (input.empty() || input == "\r") return false;
  if (input.substr(0, 2) == "\r\n") line_start_ = searched_ = 2;
  return true;
}

/// The position that the current line's end may not go beyond.
std::size_t RequestParser::line_limit() const {
  const std::size_t whole = limits_.head_bytes();
  if (part_ == Part::request_line)
    return limits_.request_line == 0 ? whole : line_start_ + limits_.request_line;
  if (limits_.field_size == 0) return whole;
  return line_start_ + limits_.field_size - std::min<std::size_t>(limits_.field_size, 2);
}

/// Whether the control character at `end` ends a line; refuses the request if it cannot.
bool RequestParser::check_end(std::string_view input, std::size_t end) {
  if (input[end] != '\r') {
    refuse({400, input[end] == '\n' ? "line ends without CR" : "control character in the head"});
    return false;
  }
  if (end + 1 == input.size()) return false;
  if (input[end + 1] != '\n') refuse({400, "CR without LF"});
  return input[end + 1] == '\n';
}

/// Goes on looking for the end of the current line. False if it has not come, or if the request was refused.
bool RequestParser::find_line(std::string_view input, std::string_view& line) {
  const std::size_t end = find_control(input, searched_);
  searched_ = end;
  if (end > line_limit()) {
    const bool first = part_ == Part::request_line;
    refuse(first ? Refusal{414, "request line too long"} : Refusal{431, "header field too large"});
    return false;
  }
  if (end == input.size() || !check_end(input, end)) return false;
  line = input.substr(line_start_, end - line_start_);
  line_start_ = searched_ = end + 2;
  return true;
}

/// `input` goes on beyond the line, which lets the search for the name's end run in whole steps; CR ends it
/// anyway.
void RequestParser::take_line(std::string_view line, std::string_view input) {
  if (part_ == Part::request_line) {
    take_request_line(line);
  } else if (line.empty()) {
    finish();
  } else {
    take_field(line, token_size(input.substr(static_cast<std::size_t>(line.data() - input.data()))));
  }
}

void RequestParser::take_request_line(std::string_view line) {
  part_ = Part::fields;
  head_.line = line;
  const std::size_t first = line.find(' ');
  const std::size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
  if (second == line.npos) return refuse({400, "invalid request line"});
  head_.method = line.substr(0, first);
  head_.target = line.substr(first + 1, second - first - 1);
  if (!is_conventional_method(head_.method)) return refuse({400, "invalid method"});
  if (const Refusal bad = parse_version(line.substr(second + 1), head_.minor_version); bad.status != 0)
    return refuse(bad);
  if (head_.method == "CONNECT") return refuse({501, "CONNECT is not supported"});
  Target target;
  if (const char* why = split_target(head_.target, head_.method == "OPTIONS", target))
    return refuse({400, why});
  head_.path = target.path;
  head_.query = target.query;
  authority_ = target.authority;
}

void RequestParser::take_field(std::string_view line, std::size_t name_size) {
  if (is_blank(line.front())) return refuse({400, "folded header field"});
  if (name_size == 0 || name_size == line.size() || line[name_size] != ':') {
    return refuse({400, "invalid header field name"});
  }
  if (head_.fields.size() == limits_.max_fields()) return refuse({431, "too many header fields"});
  Field& field =
      head_.fields.emplace_back();  // in place: a copy of two fresh views stalls on store forwarding
  field.name = line.substr(0, name_size);
  field.value = trim(line.substr(name_size + 1));
  if (!FieldRules::may_concern(field)) return;
  if (const Refusal bad = rules_.take(field, head_); bad.status != 0) refuse(bad);
}

void RequestParser::finish() {
  if (const Refusal bad = rules_.finish(head_); bad.status != 0) return refuse(bad);
  status_ = Status::complete;
  if (authority_.empty()) return;
  // The target's authority wins over Host (RFC 9112, 3.2.2), so nobody can be shown two different hosts.
  for (Field& field : head_.fields) {
    if (equals_ignoring_case(field.name, "host")) field.value = authority_;
  }
}

void RequestParser::refuse(Refusal refusal) {
  refusal_ = refusal;
  status_ = Status::refused;
}

}  // namespace gserve::http
