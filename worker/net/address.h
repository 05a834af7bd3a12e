// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include "worker/net/exchange.h"

namespace gserve::net {

/// `address` as text. Unix sockets without a name give empty strings.
Endpoint to_endpoint(const sockaddr_storage& address, socklen_t size);

/// What `socket` is bound to; empty strings if that cannot be told.
Endpoint local_endpoint(int socket);

/// Whether `endpoint` is a wildcard, so that each connection has its own local address.
bool is_wildcard(const Endpoint& endpoint);

}  // namespace gserve::net
