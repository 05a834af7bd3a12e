// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include "worker/http/field_rules.h"
#include "worker/http/request.h"

namespace gserve::http {

/// Parses request heads, strictly (RFC 9112 with the rules of docs/http.md); sans I/O, no allocation per
/// request once warm. One parser per connection, used again for each request.
///
/// It works line by line as bytes arrive: a head is refused with its first wrong line, or with the first
/// control character in a line, not only when it is complete. The outcome does not depend on how the bytes
/// were split.
class RequestParser {
 public:
  enum class Status { need_more, complete, refused };

  explicit RequestParser(Limits limits = {});

  /// Looks at `input`: all bytes received since the start of this request, at one fixed address or moved as a
  /// whole between calls. May be called again with a longer `input` after need_more; bytes already searched
  /// are not searched again. One leading empty line is skipped (RFC 9112, 2.2). After complete or refused it
  /// says so again until reset().
  Status parse(std::string_view input);

  /// After complete: the head, its views into the `input` of that call.
  const RequestHead& head() const { return head_; }
  RequestHead& head() { return head_; }
  /// After complete: bytes of `input` that the head took, a skipped empty line included.
  std::size_t head_size() const { return line_start_; }
  /// After refused.
  const Refusal& refusal() const { return refusal_; }

  /// Forgets the request; ready for the next one.
  void reset();

 private:
  enum class Part : unsigned char { request_line, fields };

  void follow(const char* data);
  bool skip_empty_line(std::string_view input);
  bool find_line(std::string_view input, std::string_view& line);
  bool check_end(std::string_view input, std::size_t end);
  std::size_t line_limit() const;
  void take_line(std::string_view line, std::string_view input);
  void take_request_line(std::string_view line);
  void take_field(std::string_view line, std::size_t name_size);
  void finish();
  void refuse(Refusal refusal);

  Limits limits_;
  RequestHead head_;
  FieldRules rules_;
  Refusal refusal_;
  std::string_view authority_;  // of an absolute-form target
  const char* data_ = nullptr;  // where the views point into
  std::size_t line_start_ = 0;
  std::size_t searched_ = 0;
  Status status_ = Status::need_more;
  Part part_ = Part::request_line;
};

}  // namespace gserve::http
