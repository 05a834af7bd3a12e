// SPDX-License-Identifier: MIT
#include "worker/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace gserve::net {
namespace {

Endpoint internet(int family, const void* address, in_port_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, address, text.data(), text.size());
  return {text.data(), std::to_string(ntohs(port)), ""};
}

Endpoint unix_path(const sockaddr_storage& address, socklen_t size) {
  sockaddr_un local{};
  std::memcpy(&local, &address, sizeof local);
  constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
  if (size <= kPath) return {};
  std::string path(local.sun_path, size - kPath);
  if (path[0] != '\0') return {"", "", path.substr(0, path.find('\0'))};
  path[0] = '@';  // the abstract namespace, as ss(8) shows it
  return {"", "", path};
}

}  // namespace

Endpoint to_endpoint(const sockaddr_storage& address, socklen_t size) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return internet(AF_INET, &v4.sin_addr, v4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return internet(AF_INET6, &v6.sin6_addr, v6.sin6_port);
  }
  return address.ss_family == AF_UNIX ? unix_path(address, size) : Endpoint{};
}

Endpoint local_endpoint(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return to_endpoint(address, size);
}

}  // namespace gserve::net
