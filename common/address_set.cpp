// SPDX-License-Identifier: MIT
#include "common/address_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace gserve {
namespace {

constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const std::array<unsigned char, 16>& bytes) {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whether a bit after the first `prefix` is set.
bool has_bits_after(const std::array<unsigned char, 16>& bytes, std::size_t prefix) {
  for (std::size_t bit = prefix; bit < 128; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return true;
  }
  return false;
}

}  // namespace

std::optional<AddressSet::Address> AddressSet::parse(std::string_view text) {
  const std::string terminated(text);
  Address address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + kMapped.size()) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    address.bits = 32;
    return address;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool AddressSet::same(const Address& a, const Address& b, std::size_t prefix) {
  if (is_mapped(a.bytes) != is_mapped(b.bytes)) return false;  // ::/0 is all of IPv6 only
  const std::size_t whole = prefix / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole), b.bytes.begin()))
    return false;
  const std::size_t rest = prefix % 8;
  return rest == 0 || (a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest) == 0;
}

std::string AddressSet::add(std::string_view text) {
  if (text == "*") {
    all_ = true;
    return "";
  }
  const std::size_t slash = text.find('/');
  const auto address = parse(text.substr(0, slash));
  const std::string quoted = "'" + std::string(text) + "' ";
  if (!address) return quoted + "is no address, no network such as 10.0.0.0/8 and not *";
  std::size_t prefix = address->bits;
  if (slash != std::string_view::npos) {
    const auto given = number(text.substr(slash + 1));
    if (!given || *given > address->bits)
      return quoted + "has a prefix that is not from 0 to " + std::to_string(address->bits);
    prefix = *given;
  }
  prefix += address->offset();
  if (has_bits_after(address->bytes, prefix)) return quoted + "has bits set beyond its prefix";
  networks_.push_back({*address, prefix});
  return "";
}

bool AddressSet::contains(std::string_view text) const {
  if (all_) return true;
  if (networks_.empty()) return false;
  const auto address = parse(text);
  return address && std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
           return same(*address, network.address, network.prefix);
         });
}

}  // namespace gserve
