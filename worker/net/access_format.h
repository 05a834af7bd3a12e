// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/net/access_fields.h"

namespace gserve::net {

/// An access log's format, compiled once: "json" (see access_json.h), or gunicorn's access_log_format:
/// literal text and atoms `%(x)s` with x one of h l u t r m U q H s B b f a T M D L p, `{field}i`,
/// `{field}o`, `{variable}e`. After the parenthesis a width and `-` are honoured, as in Python. What a client
/// can choose is escaped, so that it can neither forge a line nor leave its quotes.
class AccessFormat {
 public:
  /// Empty: gunicorn's default format. Unknown atoms show as "-". `pid` and `generation` are those of the
  /// worker that logs.
  AccessFormat(std::string_view format, pid_t pid, std::uint64_t generation);

  bool is_json() const { return json_; }
  bool wants_response_fields() const { return wants_response_fields_; }
  /// Names of the environ's variables that lines show, in the order of AccessRecord::variables.
  const std::vector<std::string>& variables() const { return variables_; }
  /// Appends one line, with its newline, that has at most `limit` bytes: a longer one is cut (JSON: its
  /// texts).
  void append(std::string& out, const AccessRecord& record, std::size_t limit = std::string::npos) const;

 private:
  struct Part {
    char atom = 0;             // 0: literal
    std::string text;          // the literal, or the name of an atom i or o
    std::size_t variable = 0;  // of an atom e
    std::size_t width = 0;
    bool left = false;
  };
  void compile(std::string_view format);
  Part part_of(std::string_view atom);
  void append_text_line(std::string& out, const AccessRecord& record) const;
  void append_json(std::string& out, const AccessRecord& record, std::size_t limit) const;
  void append_atom(std::string& out, const Part& part, const AccessRecord& record) const;

  bool json_ = false;
  std::vector<Part> parts_;
  std::vector<std::string> variables_;
  std::string pid_;  // with its angle brackets
  std::string json_constants_;
  bool wants_response_fields_ = false;
};

}  // namespace gserve::net
