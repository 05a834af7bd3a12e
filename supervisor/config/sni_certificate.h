// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gserve::config {

/// One value of --sni-cert: HOST=CERTFILE or HOST=CERTFILE:KEYFILE.
struct SniCertificate {
  std::string host;      // lower case; "*.example.com" stands for every name with one label more
  std::string certfile;  // as given
  std::string keyfile;   // empty: the key is in certfile
  std::string wrong;     // empty: the rest is valid
};

SniCertificate parse_sni_certificate(std::string_view text);

}  // namespace gserve::config
