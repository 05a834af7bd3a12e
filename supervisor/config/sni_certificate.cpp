// SPDX-License-Identifier: MIT
#include "supervisor/config/sni_certificate.h"

#include <algorithm>
#include <cctype>

namespace gserve::config {
namespace {

constexpr std::size_t kMostHostBytes = 253;

/// Letters, digits, '-', '_' in labels separated by single dots; names in other scripts come as punycode.
bool is_host(std::string_view host) {
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.empty() || host.size() > kMostHostBytes || host.front() == '.' || host.back() == '.') return false;
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return std::all_of(host.begin(), host.end(), allowed) && host.find("..") == std::string_view::npos;
}

}  // namespace

SniCertificate parse_sni_certificate(std::string_view text) {
  SniCertificate parsed;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    parsed.wrong = "must be HOST=CERTFILE or HOST=CERTFILE:KEYFILE";
    return parsed;
  }
  parsed.host = text.substr(0, equals);
  std::transform(parsed.host.begin(), parsed.host.end(), parsed.host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view files = text.substr(equals + 1);
  const std::size_t colon = files.find(':');
  parsed.certfile = files.substr(0, colon);
  if (colon != std::string_view::npos) parsed.keyfile = files.substr(colon + 1);
  if (!is_host(parsed.host)) {
    parsed.wrong = "'" + parsed.host + "' is no host name such as www.example.com or *.example.com";
  } else if (parsed.certfile.empty() || (colon != std::string_view::npos && parsed.keyfile.empty())) {
    parsed.wrong = "a file name is missing";
  }
  return parsed;
}

}  // namespace gserve::config
