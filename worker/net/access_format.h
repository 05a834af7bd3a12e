// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/http/request.h"
#include "worker/net/exchange.h"

namespace gserve::net {

/// What an access log line tells of one answered request.
struct AccessRecord {
  const http::RequestHead& head;
  const Endpoint& peer;
  int status;
  std::uint64_t body_size;  // bytes of body sent, before chunking
  std::int64_t microseconds;
  std::string_view time;  // as `%(t)s` shows it, with its brackets
  std::span<const std::pair<std::string, std::string>> response_fields;
};

/// gunicorn's access_log_format, compiled once: literal text and atoms `%(x)s` with x one of
/// h l u t r m U q H s B b f a T M D L p, `{field}i`, `{field}o`, `{variable}e`.
///
/// Of the environ (`e`) only what the request itself determines is known here: REQUEST_METHOD, QUERY_STRING,
/// RAW_URI, SERVER_PROTOCOL, REMOTE_ADDR, REMOTE_PORT and HTTP_*. What a client can choose is escaped, so
/// that it can neither forge a line nor leave its quotes.
class AccessFormat {
 public:
  /// Empty: gunicorn's default format. Unknown atoms show as "-".
  explicit AccessFormat(std::string_view format);

  bool wants_response_fields() const { return wants_response_fields_; }
  /// Appends one line, with its newline.
  void append(std::string& out, const AccessRecord& record) const;

 private:
  struct Part {
    char atom;         // 0: literal
    std::string text;  // the literal, or the name of an atom i, o or e
  };
  void add(std::string_view atom);

  std::vector<Part> parts_;
  bool wants_response_fields_ = false;
};

}  // namespace gserve::net
