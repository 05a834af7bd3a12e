// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gserve::wsgi {

/// Undoes percent-encoding (RFC 3986, 2.1); a '%' without two hex digits stays as it is.
std::string percent_decoded(std::string_view text);

struct HostPort {
  std::string_view host;
  std::string_view port;  // empty if none
};

/// Splits a Host field's value; the brackets of an IPv6 address stay out of `host`.
HostPort split_host(std::string_view value);

}  // namespace gserve::wsgi
