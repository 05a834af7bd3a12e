// SPDX-License-Identifier: MIT
#include "tests/component/net/tls_settings.h"

namespace gserve::test {

const Identity& server_identity() {
  static const Identity kIdentity = make_identity("server");
  return kIdentity;
}

Change with(tls::Material material, const Change& more) {
  return [material = std::move(material), more](net::ServerConfig& config) {
    config.tls = material;
    if (more) more(config);
  };
}

Change with_tls(const Change& more) {
  return with(material_for(server_identity()), more);
}

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

}  // namespace gserve::test
