// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace gserve {

/// Where a socket is connected to. `size` 0: nowhere, and `wrong` says why.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string wrong;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Of a Unix socket; `path` must fit.
SocketAddress local_address(const std::string& path);

/// The first address that getaddrinfo(3) finds, for `type` (SOCK_DGRAM, SOCK_STREAM). May wait for a name server.
SocketAddress look_up(const std::string& host, const std::string& port, int type);

/// HOST:PORT, HOST, :PORT, [V6]:PORT or [V6] in its parts; what is not given keeps what is in there.
/// False: the port is no number from 0 to 65535.
bool split_host_port(std::string_view text, std::string& host, std::string& port);

}  // namespace gserve
