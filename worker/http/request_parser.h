// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// Parses request heads, strictly (RFC 9112 with the rules of docs/http.md); sans I/O, no allocation per request once warm.
/// One parser per connection, used again for each request.
class RequestParser {
 public:
  enum class Status { need_more, complete, refused };

  explicit RequestParser(Limits limits = {});

  /// Looks at `input`: all bytes received since the start of this request, at one fixed address or moved as a whole
  /// between calls. May be called again with a longer `input` after need_more; bytes already searched are not
  /// searched again. One leading empty line is skipped (RFC 9112, 2.2).
  Status parse(std::string_view input);

  /// After complete: the head, its views into the `input` of that call.
  const RequestHead& head() const { return head_; }
  RequestHead& head() { return head_; }
  /// After complete: bytes of `input` that the head took, a skipped empty line included.
  std::size_t head_size() const { return head_size_; }
  /// After refused.
  const Refusal& refusal() const { return refusal_; }

  /// Forgets the request; ready for the next one.
  void reset();

 private:
  Limits limits_;
  RequestHead head_;
  Refusal refusal_;
  std::size_t head_size_ = 0;
  std::size_t searched_ = 0;
};

}  // namespace gserve::http
