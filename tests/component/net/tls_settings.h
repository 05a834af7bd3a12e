// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tests/component/net/test_server.h"
#include "tests/component/net/tls_client.h"

namespace gserve::test {

using Change = std::function<void(net::ServerConfig&)>;

/// The certificate of servers in these tests.
const Identity& server_identity();
/// What makes a server speak TLS with `material`, or with the certificate above.
Change with(tls::Material material, const Change& more = {});
Change with_tls(const Change& more = {});
/// A request's head.
std::string get(std::string_view path);

}  // namespace gserve::test
