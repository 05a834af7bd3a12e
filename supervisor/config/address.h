// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace gserve::config {

/// host:port. An empty host means every IPv4 address of the machine; "::" every address.
struct TcpAddress {
  std::string host;  // lower case, IPv6 without brackets
  std::uint16_t port = 0;
  bool operator==(const TcpAddress&) const = default;
};

struct UnixAddress {
  std::string path;
  bool operator==(const UnixAddress&) const = default;
};

/// A descriptor that the parent process opened.
struct InheritedAddress {
  int fd = -1;
  bool operator==(const InheritedAddress&) const = default;
};

using Address = std::variant<TcpAddress, UnixAddress, InheritedAddress>;

/// An address, or what is wrong with `text` ("the port must be a number from 0 to 65535").
struct ParsedAddress {
  Address address;
  std::string wrong;  // empty: `address` is valid
};

/// Reads one value of --bind: HOST:PORT, HOST, :PORT, [V6]:PORT, [V6], tcp://..., unix:PATH, unix://PATH,
/// fd://N. The default port is 8000.
ParsedAddress parse_address(std::string_view text);

}  // namespace gserve::config
