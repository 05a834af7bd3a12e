// SPDX-License-Identifier: MIT
#include "worker/http/request_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "worker/http/request_target.h"
#include "worker/http/scan.h"
#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

constexpr std::size_t kMinMethod = 3;
constexpr std::size_t kMaxMethod = 20;
/// A line's room when only the head as a whole is bounded.
constexpr std::size_t kWholeHead = std::numeric_limits<std::size_t>::max();

/// The position of the first space from `from` on, or the size. Methods, and most targets, are short: a call of
/// memchr(3) costs more than it spares.
std::size_t find_space(std::string_view line, std::size_t from) {
  constexpr std::size_t kShort = 16;
  const std::size_t near = std::min(line.size(), from + kShort);
  while (from < near && line[from] != ' ') ++from;
  return from < near ? from : std::min(line.find(' ', from), line.size());
}

/// A token as gunicorn takes it: 3 to 20 characters, no lower case, no '#'.
bool is_conventional_method(std::string_view method) {
  if (method.size() < kMinMethod || method.size() > kMaxMethod) return false;
  return std::all_of(method.begin(), method.end(),
                     [](char c) { return is_token_char(c) && c != '#' && !(c >= 'a' && c <= 'z'); });
}

/// HTTP-version (RFC 9112, 2.3). Returns a Refusal with status 0 for HTTP/1.0 and 1.1, or for all if `any`;
/// `minor`: whose rules hold.
Refusal parse_version(std::string_view text, bool any, int& minor) {
  constexpr std::string_view kName = "HTTP/";
  if (text.size() != RequestHead::kVersionSize || text.substr(0, kName.size()) != kName ||
      !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
    return {400, "invalid request line"};
  }
  const bool known = text[5] == '1' && text[7] <= '1';
  minor = text[5] == '0' || text.substr(5) == "1.0" ? 0 : 1;
  if (!known && !any) return {505, "unsupported HTTP version"};
  return {};
}

std::string in_upper_case(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), to_upper);
  return upper;
}

void move_view(std::string_view& view, const char* from, const char* to) {
  if (view.data() != nullptr) view = {to + (view.data() - from), view.size()};
}

}  // namespace

// Private functions are `inline` where they are called once: the compiler then makes one loop of them.

RequestParser::RequestParser(Limits limits, Leniency leniency)
    : limits_(limits),
      leniency_(leniency),
      line_room_(limits.request_line == 0 ? kWholeHead : limits.request_line),
      field_room_(limits.field_size == 0 ? kWholeHead
                                         : limits.field_size - std::min<std::size_t>(limits.field_size, 2)) {
  begin_line(0, line_room_);
}

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
  field_start_ = 0;
  begin_line(0, line_room_);
  status_ = Status::need_more;
  part_ = Part::request_line;
  unfolded_.clear();
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
inline void RequestParser::follow(const char* data) {
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
inline bool RequestParser::skip_empty_line(std::string_view input) {
  if (input.empty() || input == "\r") return false;
  if (input[0] == '\r' && input[1] == '\n') begin_line(2, line_room_);
  return true;
}

inline void RequestParser::begin_line(std::size_t at, std::size_t room) {
  line_start_ = searched_ = at;
  limit_ = room == kWholeHead ? limits_.head_bytes() : at + room;
}

/// With obsolete folding: a line that goes on with a field shares that one's room.
std::size_t RequestParser::line_limit(std::string_view input) const {
  const bool goes_on = part_ == Part::fields && line_start_ < input.size() && is_blank(input[line_start_]);
  return goes_on && field_room_ != kWholeHead ? field_start_ + field_room_ : limit_;
}

/// Whether the control character at `end` ends a line; refuses the request if it cannot.
inline bool RequestParser::check_end(std::string_view input, std::size_t end) {
  if (input[end] != '\r') {
    refuse({400, input[end] == '\n' ? "line ends without CR" : "control character in the head"});
    return false;
  }
  if (end + 1 == input.size()) return false;
  if (input[end + 1] != '\n') refuse({400, "CR without LF"});
  return input[end + 1] == '\n';
}

/// Goes on looking for the end of the current line. False if it has not come, or if the request was refused.
inline bool RequestParser::find_line(std::string_view input, std::string_view& line) {
  const std::size_t end = find_control(input, searched_);
  searched_ = end;
  if (end > (leniency_.obsolete_folding ? line_limit(input) : limit_)) {
    const bool first = part_ == Part::request_line;
    refuse(first ? Refusal{414, "request line too long"} : Refusal{431, "header field too large"});
    return false;
  }
  if (end == input.size() || !check_end(input, end)) return false;
  line = input.substr(line_start_, end - line_start_);
  begin_line(end + 2, field_room_);
  return true;
}

/// `input` goes on beyond the line, which lets the search for the name's end run in whole steps; CR ends it
/// anyway.
inline void RequestParser::take_line(std::string_view line, std::string_view input) {
  if (part_ == Part::request_line) {
    take_request_line(line);
  } else if (line.empty()) {
    finish();
  } else {
    take_field(line, token_size(input.substr(static_cast<std::size_t>(line.data() - input.data()))));
  }
}

inline void RequestParser::take_request_line(std::string_view line) {
  part_ = Part::fields;
  head_.line = line;
  const std::size_t first = find_space(line, 0);
  const std::size_t second = find_space(line, first + 1);
  if (second >= line.size()) return refuse({400, "invalid request line"});
  head_.method = line.substr(0, first);
  head_.target = line.substr(first + 1, second - first - 1);
  const bool valid =
      leniency_.unconventional_method ? is_token(head_.method) : is_conventional_method(head_.method);
  if (!valid) return refuse({400, "invalid method"});
  if (leniency_.casefold_method) upper_method_ = in_upper_case(head_.method);
  const std::string_view method = leniency_.casefold_method ? upper_method_ : head_.method;
  const Refusal bad =
      parse_version(line.substr(second + 1), leniency_.unconventional_version, head_.minor_version);
  if (bad.status != 0) return refuse(bad);
  if (method == "CONNECT") return refuse({501, "CONNECT is not supported"});
  Target target;
  if (const char* why = split_target(head_.target, method == "OPTIONS", target)) return refuse({400, why});
  head_.path = target.path;
  head_.query = target.query;
  authority_ = target.authority;
}

inline void RequestParser::take_field(std::string_view line, std::size_t name_size) {
  if (is_blank(line.front())) return take_continuation(line);
  std::size_t colon = name_size;
  if (leniency_.header_spaces) {
    while (colon < line.size() && is_blank(line[colon])) ++colon;
  }
  if (name_size == 0 || colon == line.size() || line[colon] != ':') {
    return refuse({400, "invalid header field name"});
  }
  if (head_.fields.size() == limits_.max_fields()) return refuse({431, "too many header fields"});
  Field& field =
      head_.fields.emplace_back();  // in place: a copy of two fresh views stalls on store forwarding
  field.name = line.substr(0, name_size);
  field.value = trim(line.substr(colon + 1));
  if (!leniency_.obsolete_folding) return apply_rules(field);
  field_start_ = static_cast<std::size_t>(line.data() - data_);
}

inline void RequestParser::apply_rules(const Field& field) {
  if (!FieldRules::may_concern(field)) return;
  if (const Refusal bad = rules_.take(field, head_); bad.status != 0) refuse(bad);
}

/// A line that goes on with the field before (RFC 9112, 5.2), each fold being one space.
void RequestParser::take_continuation(std::string_view line) {
  if (!leniency_.obsolete_folding || head_.fields.empty()) return refuse({400, "folded header field"});
  const std::size_t last = head_.fields.size() - 1;
  if (unfolded_.empty() || unfolded_.back().field != last) {
    unfolded_.push_back({last, std::string(head_.fields[last].value)});
  }
  unfolded_.back().value.append(" ").append(trim(line));
}

/// Every value is complete: the rules may look at them.
void RequestParser::settle_folded() {
  for (const Unfolded& unfolded : unfolded_) head_.fields[unfolded.field].value = trim(unfolded.value);
  for (const Field& field : head_.fields) {
    if (status_ == Status::need_more) apply_rules(field);
  }
}

/// After this no view of the head follows the input any more.
void RequestParser::finish_leniently() {
  if (leniency_.casefold_method) head_.method = upper_method_;
  if (leniency_.obsolete_folding) settle_folded();
}

inline void RequestParser::finish() {
  finish_leniently();
  if (status_ == Status::refused) return;
  if (const Refusal bad = rules_.finish(head_); bad.status != 0) return refuse(bad);
  if (limits_.request_body != 0 && head_.content_length.value_or(0) > limits_.request_body) {
    return refuse({413, "request body too large"});
  }
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
