// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include "worker/net/exchange.h"

namespace gserve::net {

/// `address` as text. Unix sockets without a name give empty strings.
Endpoint to_endpoint(const sockaddr_storage& address, socklen_t size);

/// What `socket` is bound to; empty strings if that cannot be told.
Endpoint local_endpoint(int socket);

}  // namespace gserve::net
