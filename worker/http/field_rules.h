// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// What the fields seen so far say about the message and the connection. Only the fields that decide
/// framing and persistence, and those that may come once only, are looked at; each rule that is broken refuses the request (RFC 9112, 3.2, 6 and
/// 9).
class FieldRules {
 public:
  /// False for a field that take() has nothing to say about: a cheap test that spares most calls.
  static bool may_concern(const Field& field) {
    constexpr std::uint32_t kSizes = 1u << 4 | 1u << 6 | 1u << 10 | 1u << 12 | 1u << 14 | 1u << 17;
    return field.name.size() < 32 && (kSizes >> field.name.size() & 1) != 0;
  }
  /// Looks at one field of `head`. Returns a Refusal with status 0 when all is well.
  Refusal take(const Field& field, RequestHead& head);
  /// After the last field: the rules that need all of them. Completes `head`.
  Refusal finish(RequestHead& head) const;

 private:
  Refusal take_host(std::string_view value);
  Refusal take_transfer_encoding(std::string_view value, RequestHead& head);
  Refusal take_content_type();
  void take_connection(std::string_view value);

  bool host_ = false;
  bool content_type_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

/// 1 to 18 digits, or nothing.
std::optional<std::uint64_t> parse_content_length(std::string_view value);

}  // namespace gserve::http
