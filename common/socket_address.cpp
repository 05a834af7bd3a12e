// SPDX-License-Identifier: MIT
#include "common/socket_address.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace gserve {

SocketAddress local_address(const std::string& path) {
  SocketAddress address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  local->sun_family = AF_UNIX;
  path.copy(local->sun_path, sizeof local->sun_path - 1);
  address.size = sizeof *local;
  return address;
}

SocketAddress look_up(const std::string& host, const std::string& port, int type) {
  SocketAddress address;
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    address.wrong = "cannot look up " + host + ": " + ::gai_strerror(error);
    return address;
  }
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

bool split_host_port(std::string_view text, std::string& host, std::string& port) {
  std::string_view before = text;
  std::string_view after;
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    before = text.substr(0, colon);
    after = text.substr(colon + 1);
  }
  if (bracket != std::string_view::npos) before = text.substr(1, bracket - 1);
  if (!before.empty()) host = before;
  if (colon == std::string_view::npos) return true;
  port = after;
  const bool digits = std::all_of(after.begin(), after.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && !after.empty() && after.size() <= 5 && std::stoi(port) <= 65535;
}

}  // namespace gserve
