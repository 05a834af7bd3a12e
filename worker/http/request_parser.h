// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "worker/http/field_rules.h"
#include "worker/http/request.h"

namespace gserve::http {

/// Parses request heads, strictly (RFC 9112 with the rules of docs/http.md); sans I/O, no allocation per
/// request once warm. One parser per connection, used again for each request.
///
/// It works line by line as bytes arrive: a head is refused with its first wrong line, or with the first
/// control character in a line, not only when it is complete. The outcome does not depend on how the bytes
/// were split. (With Leniency::obsolete_folding the rules that span fields wait for the end of the head.)
class RequestParser {
 public:
  enum class Status { need_more, complete, refused };

  explicit RequestParser(Limits limits = {}, Leniency leniency = {});
  RequestParser(const RequestParser&) = delete;  // views of the head may point into it
  RequestParser& operator=(const RequestParser&) = delete;

  /// Looks at `input`: all bytes received since the start of this request, at one fixed address or moved as a
  /// whole between calls. May be called again with a longer `input` after need_more; bytes already searched
  /// are not searched again. One leading empty line is skipped (RFC 9112, 2.2). After complete or refused it
  /// says so again until reset().
  Status parse(std::string_view input);

  /// After complete: the head, its views into the `input` of that call (what Leniency changed: into this).
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
  /// The value of a field of more than one line.
  struct Unfolded {
    std::size_t field;
    std::string value;
  };

  void follow(const char* data);
  bool skip_empty_line(std::string_view input);
  bool find_line(std::string_view input, std::string_view& line);
  bool check_end(std::string_view input, std::size_t end);
  void begin_line(std::size_t at, std::size_t room);
  std::size_t line_limit(std::string_view input) const;
  void take_line(std::string_view line, std::string_view input);
  void take_request_line(std::string_view line);
  void take_field(std::string_view line, std::size_t name_size);
  void take_continuation(std::string_view line);
  void apply_rules(const Field& field);
  void settle_folded();
  void finish();
  void finish_leniently();
  void refuse(Refusal refusal);

  const Limits limits_;
  const Leniency leniency_;
  const std::size_t line_room_;  // what limits_ leave to the request line, and to a field
  const std::size_t field_room_;
  RequestHead head_;
  FieldRules rules_;
  Refusal refusal_;
  std::string_view authority_;  // of an absolute-form target
  const char* data_ = nullptr;  // where the views point into
  std::size_t line_start_ = 0;
  std::size_t searched_ = 0;
  std::size_t limit_ = 0;        // the position that the current line's end may not go beyond
  std::size_t field_start_ = 0;  // where the last field begins, for folding
  Status status_ = Status::need_more;
  Part part_ = Part::request_line;
  std::vector<Unfolded> unfolded_;
  std::string upper_method_;  // casefolded
};

}  // namespace gserve::http
