// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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
  int minor_version = 1;    // whose rules hold, of HTTP/1.0 and HTTP/1.1
  std::vector<Field>
      fields;  // in order; after an absolute-form target, Host has the target's authority as value

  // What the fields mean for the connection and the body (RFC 9112, 6 and 9).
  bool keep_alive = true;
  bool expect_continue = false;  // the client waits for `100 Continue` before it sends the body
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  /// "HTTP/1.1", as sent: what the request line ends with.
  std::string_view version() const { return line.substr(line.size() - std::min(line.size(), kVersionSize)); }

  static constexpr std::size_t kVersionSize = 8;
};

/// Limits, with gunicorn's defaults and meanings.
struct Limits {
  std::size_t request_line = 4094;  // bytes without CRLF; 0: bounded by head_bytes() only
  std::size_t fields = 100;         // 0 or more than kMaxFields: kMaxFields
  std::size_t field_size = 8190;    // bytes of one field line with CRLF; 0: bounded by head_bytes() only
  std::uint64_t request_body = 0;   // bytes of a body without its framing; 0: no limit

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

/// gunicorn's compatibility switches: rules that may be loosened, each at the risk that a proxy in front reads
/// the same bytes as another request.
struct Leniency {
  bool obsolete_folding = false;  // lines that begin with a blank go on with the field before (RFC 9112, 5.2)
  bool header_spaces = false;     // blanks between a field's name and its colon are dropped
  bool unconventional_method = false;  // any token: of any length, with lower case letters and '#'
  bool unconventional_version =
      false;                     // any HTTP/D.D; from 1.1 on the rules of HTTP/1.1 hold, else those of 1.0
  bool casefold_method = false;  // RequestHead::method in upper case
};

/// Why a request is refused: the status to answer with, and a short reason for the log. `reason` is a
/// literal.
struct Refusal {
  int status = 0;
  std::string_view reason;
};

}  // namespace gserve::http
