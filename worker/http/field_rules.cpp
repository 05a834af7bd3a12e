// SPDX-License-Identifier: MIT
#include "worker/http/field_rules.h"

#include "worker/http/request_target.h"
#include "worker/http/tokens.h"

namespace gserve::http {
namespace {

constexpr std::size_t kMaxLengthDigits = 18;  // fits in 63 bits whatever the digits are

Refusal take_content_length(std::string_view value, RequestHead& head) {
  if (head.content_length) return {400, "more than one Content-Length"};
  head.content_length = parse_content_length(value);
  if (!head.content_length) return {400, "invalid Content-Length"};
  return {};
}

/// RFC 9110, 10.1.1: an expectation in HTTP/1.0 is ignored.
Refusal take_expect(std::string_view value, RequestHead& head) {
  if (head.minor_version == 0) return {};
  if (!equals_ignoring_case(value, "100-continue")) return {417, "unknown expectation"};
  head.expect_continue = true;
  return {};
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  if (value.empty() || value.size() > kMaxLengthDigits) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (!is_digit(c)) return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

Refusal FieldRules::take_host(std::string_view value) {
  if (host_) return {400, "more than one Host"};
  host_ = true;
  // Empty is legal: what a client sends whose target URI has no authority (RFC 9110, 7.2).
  if (!value.empty() && !is_valid_authority(value)) return {400, "invalid Host"};
  return {};
}

Refusal FieldRules::take_transfer_encoding(std::string_view value, RequestHead& head) {
  if (head.minor_version == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
  if (head.chunked) return {400, "more than one Transfer-Encoding"};
  head.chunked = equals_ignoring_case(value, "chunked");
  if (head.chunked) return {};
  const std::string_view first = trim(value.substr(0, value.find(',')));
  if (first.empty() || equals_ignoring_case(first, "chunked")) return {400, "invalid Transfer-Encoding"};
  return {501, "unknown transfer coding"};
}

/// It is no list: of two values each reader would believe another (RFC 9110, 5.3).
Refusal FieldRules::take_content_type() {
  if (content_type_) return {400, "more than one Content-Type"};
  content_type_ = true;
  return {};
}

void FieldRules::take_connection(std::string_view value) {
  for_each_member(value, [this](std::string_view option) {
    if (equals_ignoring_case(option, "close")) close_ = true;
    if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
  });
}

Refusal FieldRules::take(const Field& field, RequestHead& head) {
  switch (field.name.size()) {  // in step with may_concern()
    case 4:
      if (equals_ignoring_case(field.name, "host")) return take_host(field.value);
      break;
    case 6:
      if (equals_ignoring_case(field.name, "expect")) return take_expect(field.value, head);
      break;
    case 10:
      if (equals_ignoring_case(field.name, "connection")) take_connection(field.value);
      break;
    case 12:
      if (equals_ignoring_case(field.name, "content-type")) return take_content_type();
      break;
    case 14:
      if (equals_ignoring_case(field.name, "content-length")) return take_content_length(field.value, head);
      break;
    case 17:
      if (equals_ignoring_case(field.name, "transfer-encoding"))
        return take_transfer_encoding(field.value, head);
      break;
    default:
      break;
  }
  return {};
}

Refusal FieldRules::finish(RequestHead& head) const {
  if (head.minor_version == 1 && !host_) return {400, "no Host"};
  if (head.chunked && head.content_length) return {400, "both Content-Length and Transfer-Encoding"};
  head.keep_alive = !close_ && (head.minor_version == 1 || keep_alive_);
  head.expect_continue = head.expect_continue && head.has_body();
  return {};
}

}  // namespace gserve::http
