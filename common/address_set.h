// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gserve {

/// Internet addresses and networks (CIDR: RFC 4632, RFC 4291 2.3), or all of them. An IPv4 address that is
/// mapped into IPv6 (::ffff:192.0.2.1) is that IPv4 address.
class AddressSet {
 public:
  /// Adds an address, ADDRESS/PREFIX or "*". Returns what is wrong with it; empty: nothing.
  std::string add(std::string_view text);
  /// False for what is no address.
  bool contains(std::string_view address) const;

 private:
  struct Address {
    std::array<unsigned char, 16> bytes{};  // IPv4 mapped into IPv6
    std::size_t bits = 128;                 // of its own family
    std::size_t offset() const { return 128 - bits; }
  };
  struct Network {
    Address address;
    std::size_t prefix;  // bits of the mapped form
  };

  static std::optional<Address> parse(std::string_view text);
  static bool same(const Address& a, const Address& b, std::size_t prefix);

  std::vector<Network> networks_;
  bool all_ = false;
};

}  // namespace gserve
