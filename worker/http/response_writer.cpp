// SPDX-License-Identifier: MIT
#include "worker/http/response_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "worker/http/field_rules.h"
#include "worker/http/scan.h"
#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

constexpr std::string_view kServer = "gserve";

/// The fields of one connection, not of a response (RFC 9110, 7.6.1); an application may not set them (PEP
/// 3333).
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",       "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "te",         "trailers",           "transfer-encoding",
    "upgrade"};

bool is_hop_by_hop(std::string_view name) {
  return std::any_of(kHopByHop.begin(), kHopByHop.end(),
                     [name](std::string_view hop) { return equals_ignoring_case(name, hop); });
}

bool has_control(std::string_view text) {
  return find_control(text, 0) != text.size();
}

/// The code of "200 OK" or "200"; 0 if it is malformed.
int parse_status(std::string_view status) {
  if (status.size() < 3 || (status.size() > 3 && status[3] != ' ') || status[0] == '0') return 0;
  int code = 0;
  for (const char c : status.substr(0, 3)) {
    if (!is_digit(c)) return 0;
    code = code * 10 + (c - '0');
  }
  return has_control(status) ? 0 : code;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_number(std::string& out, std::uint64_t number) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

bool says_close(const Field& field) {
  return equals_ignoring_case(field.name, "connection") && equals_ignoring_case(field.value, "close");
}

}  // namespace

const char* field_problem(const Field& field) {
  if (!is_token(field.name)) return "header name is not a token";
  if (has_control(field.value)) return "control character in a header value";
  if (!is_hop_by_hop(field.name) || says_close({field.name, trim(field.value)})) return nullptr;
  return "hop-by-hop headers are the server's; only Connection: close is allowed";
}

void ResponseWriter::reset(Request request) {
  request_ = request;
  forget_start();
  head_made_ = keep_alive_ = chunked_ = no_body_ = false;
  sent_ = 0;
}

void ResponseWriter::forget_start() {
  status_.clear();
  fields_.clear();
  code_ = 0;
  has_date_ = has_server_ = close_ = false;
  length_.reset();
}

const char* ResponseWriter::start(std::string_view status, std::span<const Field> fields) {
  if (head_made_) return "the response has already been sent";
  forget_start();
  code_ = parse_status(status);
  if (code_ == 0) return "status must be three digits, a space and a reason without control characters";
  if (const char* wrong = take_fields(fields)) {
    forget_start();
    return wrong;
  }
  status_ = status;
  if (status_.size() == 3) status_ += ' ';  // the space is not optional (RFC 9112, 4)
  return nullptr;
}

const char* ResponseWriter::take_fields(std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (const char* wrong = take_field({field.name, trim(field.value)})) return wrong;
  }
  return nullptr;
}

const char* ResponseWriter::take_field(const Field& field) {
  if (const char* wrong = field_problem(field)) return wrong;
  bool append = true;
  if (const char* wrong = take_own(field, append)) return wrong;
  if (append) append_field(fields_, field.name, field.value);
  return nullptr;
}

/// The fields that mean something to the server itself. Clears `append` for those that make_head writes.
const char* ResponseWriter::take_own(const Field& field, bool& append) {
  if (equals_ignoring_case(field.name, "content-length")) {
    if (length_) return "more than one Content-Length";
    append = false;
    length_ = parse_content_length(field.value);
    return length_ ? nullptr : "Content-Length is not a number of 1 to 18 digits";
  }
  if (equals_ignoring_case(field.name, "date")) has_date_ = true;
  if (equals_ignoring_case(field.name, "server")) has_server_ = true;
  if (says_close(field)) {
    close_ = true;
    append = false;
  }
  return nullptr;
}

/// RFC 9112, 6.3, and what it means for the connection.
void ResponseWriter::decide_framing(std::optional<std::uint64_t> whole_body) {
  no_body_ = request_.head || bodiless_status();
  if (code_ < 200 || code_ == 204) length_.reset();  // RFC 9110, 8.6: must not be sent
  // An empty body says nothing about the length that a GET would have had.
  const bool known = whole_body && !bodiless_status() && !(request_.head && *whole_body == 0);
  const bool too_short = length_ && whole_body && !no_body_ && *whole_body < *length_;
  if (!length_ && known) length_ = whole_body;
  chunked_ = !length_ && !no_body_ && request_.minor_version == 1;
  const bool delimited = length_ || chunked_ || no_body_;
  keep_alive_ = request_.keep_alive && !close_ && delimited && !too_short && code_ >= 200;
}

void ResponseWriter::make_head(std::string& out, std::string_view date,
                               std::optional<std::uint64_t> whole_body) {
  decide_framing(whole_body);
  head_made_ = true;
  out.append("HTTP/1.1 ").append(status_).append("\r\n");
  if (!has_server_) append_field(out, "Server", kServer);
  if (!has_date_) append_field(out, "Date", date);
  append_field(out, "Connection", keep_alive_ ? "keep-alive" : "close");
  out.append(fields_);
  if (chunked_) append_field(out, "Transfer-Encoding", "chunked");
  if (length_) {
    out.append("Content-Length: ");
    append_number(out, *length_);
    out.append("\r\n");
  }
  out.append("\r\n");
}

ResponseWriter::Frame ResponseWriter::frame(std::size_t size) {
  if (no_body_ || size == 0) return {0, {}, {}};
  if (length_) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, *length_ - sent_));
  sent_ += size;
  if (!chunked_) return {size, {}, {}};
  char* end = std::to_chars(size_line_, size_line_ + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {size, {size_line_, static_cast<std::size_t>(end - size_line_)}, "\r\n"};
}

std::string_view ResponseWriter::end() const {
  return chunked_ ? "0\r\n\r\n" : std::string_view();
}

bool ResponseWriter::short_of_length() const {
  return length_ && !no_body_ && sent_ < *length_;
}

const char* append_early_hints(std::string& out, std::span<const Field> fields) {
  const std::size_t before = out.size();
  out.append("HTTP/1.1 103 Early Hints\r\n");
  for (const Field& field : fields) {
    const Field clean{field.name, trim(field.value)};
    const char* wrong = field_problem(clean);
    if (wrong == nullptr && says_close(clean)) wrong = "hop-by-hop headers are the server's";
    if (wrong == nullptr && equals_ignoring_case(clean.name, "content-length"))
      wrong = "early hints have no body";
    if (wrong != nullptr) {
      out.resize(before);
      return wrong;
    }
    append_field(out, clean.name, clean.value);
  }
  out.append("\r\n");
  return nullptr;
}

}  // namespace gserve::http
