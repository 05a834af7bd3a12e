// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gserve::http {

/// One header field. The views point into the buffer that was parsed.
struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding whitespace (RFC 9110, 5.5)
};

/// A request's head, parsed. All views point into the parsed buffer and live as long as it stays in place.
struct RequestHead {
  std::string_view line;    // the whole request line, without CRLF
  std::string_view method;  // as sent
  std::string_view target;  // as sent (RAW_URI)
  std::string_view path;    // the target's path, still percent-encoded; "*" for the asterisk form
  std::string_view query;   // without '?', empty if none
  int minor_version = 1;    // HTTP/1.x
  std::vector<Field>
      fields;  // in order; after an absolute-form target, Host has the target's authority as value

  // What the fields mean for the connection and the body (RFC 9112, 6 and 9).
  bool keep_alive = true;
  bool expect_continue = false;  // the client waits for `100 Continue` before it sends the body
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// Limits, with gunicorn's defaults and meanings.
struct Limits {
  std::size_t request_line = 4094;  // bytes without CRLF; 0: bounded by head_bytes() only
  std::size_t fields = 100;         // 0 or more than kMaxFields: kMaxFields
  std::size_t field_size = 8190;    // bytes of one field line with CRLF; 0: bounded by head_bytes() only

  static constexpr std::size_t kMaxFields = 32768;
  static constexpr std::size_t kUnlimitedLine = 1 << 20;
  static constexpr std::size_t kUnlimitedFieldSize = 8190;

  constexpr std::size_t max_fields() const {
    return fields == 0 || fields > kMaxFields ? kMaxFields : fields;
  }
  /// The most bytes that a whole head can take before it is refused: the product of the limits.
  constexpr std::size_t head_bytes() const {
    const std::size_t line = request_line == 0 ? kUnlimitedLine : request_line;
    const std::size_t field = field_size == 0 ? kUnlimitedFieldSize : field_size;
    return line + max_fields() * field +
           6;  // the CRLFs of a leading empty line, the request line and the end
  }
};

/// Why a request is refused: the status to answer with, and a short reason for the log. `reason` is a
/// literal.
struct Refusal {
  int status = 0;
  std::string_view reason;
};

}  // namespace gserve::http
