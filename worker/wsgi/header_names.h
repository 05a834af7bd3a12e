// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "worker/wsgi/py_ref.h"

namespace gserve::wsgi {

/// Header fields that say which scheme the client used with a trusted proxy: upper-case name -> value for
/// https.
using SchemeFields = std::unordered_map<std::string, std::string>;

/// Names, in upper case and with underscores, that trusted proxies may send; "*": all.
using ForwarderFields = std::unordered_set<std::string>;

enum class FieldKind { http, content_type, content_length };

/// What a request field's name means for the environ.
struct FieldName {
  PyRef key;  // "HTTP_ACCEPT"
  FieldKind kind = FieldKind::http;
  bool ambiguous = false;                     // has an underscore: a name with '-' gets the same key
  bool forwarder = false;                     // ambiguous, but trusted proxies may send it
  bool script_name = false;                   // SCRIPT_NAME itself
  const std::string* secure_value = nullptr;  // set for scheme fields; owned by the SchemeFields
};

/// Names as clients send them, with the environ's key for each as an interned string. Bounded: clients choose
/// the names. The usual ones are there from the start, so that nobody can crowd them out. Needs the GIL.
class HeaderNames {
 public:
  /// `schemes` and `forwarders` must outlive this.
  HeaderNames(const SchemeFields& schemes, const ForwarderFields& forwarders);
  /// Fills `into`. False with an exception set when memory ran out.
  bool find(std::string_view name, FieldName& into);

 private:
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  bool make(std::string_view name, FieldName& into) const;

  const SchemeFields& schemes_;
  const ForwarderFields& forwarders_;
  std::unordered_map<std::string, FieldName, Hash, std::equal_to<>> known_;
};

}  // namespace gserve::wsgi
