// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace gserve::http {

/// A request target taken apart (RFC 9112, 3.2). Views into the target.
struct Target {
  std::string_view path;       // "*" for the asterisk form; never empty
  std::string_view query;      // without '?'
  std::string_view authority;  // absolute form only
};

/// Splits `target`, which has no control character other than HTAB. Returns nullptr, or why it is refused.
/// Accepted: origin form, absolute form (http and https), and the asterisk form if `options`.
/// 0x80 to 0xFF pass, as in gunicorn; spaces, tabs and '#' do not: a front end that routes on the fragment
/// and an application that never sees it would disagree about the path.
const char* split_target(std::string_view target, bool options, Target& out);

/// A Host field's value or an authority without user information: uri-host [":" port] (RFC 9110, 7.2). Empty
/// is not valid here.
bool is_valid_authority(std::string_view value);

}  // namespace gserve::http
