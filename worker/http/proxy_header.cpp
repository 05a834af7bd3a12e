// SPDX-License-Identifier: MIT
#include "worker/http/proxy_header.h"

#include <arpa/inet.h>  // text and bytes of addresses: no socket

#include <algorithm>
#include <array>
#include <optional>

namespace gserve::http {
namespace {

using Status = ProxyOutcome::Status;
using namespace std::string_view_literals;

constexpr std::string_view kV1 = "PROXY ";
constexpr std::string_view kV2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kMaxV1 = 107;  // with CRLF
constexpr std::size_t kV2Fixed = 16;
constexpr std::size_t kTlvFixed = 3;
constexpr unsigned kTlvCrc32c = 0x03;

ProxyOutcome refused(int status, std::string_view reason) {
  return {Status::refused, 0, {}, {status, reason}};
}

ProxyOutcome malformed(std::string_view reason) {
  return refused(400, reason);
}

unsigned byte(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

unsigned number16(std::string_view text, std::size_t at) {
  return byte(text, at) << 8 | byte(text, at + 1);
}

/// The text up to the next space, which is taken too; everything when there is none.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(family, text.c_str(), bytes.data()) == 1;
}

/// 0 to 65535 without leading zeros.
bool is_port(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), digit)) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  return text.size() < 5 || text <= "65535";
}

/// What follows the protocol of TCP4 or TCP6: both addresses, then both ports.
ProxyOutcome read_v1_endpoints(std::string_view protocol, std::string_view rest, std::size_t size) {
  if (std::count(rest.begin(), rest.end(), ' ') != 3) return malformed("PROXY line without four parts");
  ProxyHeader header{protocol, std::string(take_word(rest)), "", std::string(take_word(rest)), ""};
  header.source_port = take_word(rest);
  header.destination_port = rest;
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  if (!is_address(family, header.source) || !is_address(family, header.destination))
    return malformed("invalid address in a PROXY line");
  if (!is_port(header.source_port) || !is_port(header.destination_port))
    return malformed("invalid port in a PROXY line");
  return {Status::complete, size, std::move(header), {}};
}

/// `line` without CRLF; `size` with it.
ProxyOutcome read_v1_line(std::string_view line, std::size_t size) {
  std::string_view rest = line.substr(kV1.size());
  const std::string_view protocol = take_word(rest);
  if (protocol == "UNKNOWN") return {Status::complete, size, {"UNKNOWN", "", "", "", ""}, {}};
  if (protocol == "TCP4") return read_v1_endpoints("TCP4", rest, size);
  if (protocol == "TCP6") return read_v1_endpoints("TCP6", rest, size);
  return malformed("unknown protocol in a PROXY line");
}

/// The first byte that is not of the line decides, so that the outcome is the same however the line comes.
ProxyOutcome read_v1(std::string_view input) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const std::string_view most = input.substr(0, kMaxV1);
  const auto end = static_cast<std::size_t>(std::find_if(most.begin(), most.end(), control) - most.begin());
  if (end > kMaxV1 - 2) return malformed("PROXY line of more than 107 bytes");
  if (end == input.size() || (input[end] == '\r' && end + 1 == input.size())) return {};
  if (input[end] != '\r' || input[end + 1] != '\n') return malformed("control character in a PROXY line");
  return read_v1_line(input.substr(0, end), end + 2);
}

std::string address_text(int family, std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, bytes.data(), text.data(), text.size());
  return text.data();
}

/// `block` begins with two addresses of `size` bytes and two ports.
ProxyHeader v2_endpoints(std::string_view protocol, int family, std::size_t size, std::string_view block) {
  return {protocol, address_text(family, block), std::to_string(number16(block, 2 * size)),
          address_text(family, block.substr(size)), std::to_string(number16(block, 2 * size + 2))};
}

/// The polynomial of Castagnoli, reflected (RFC 3720, B.4).
std::uint32_t crc32c(std::string_view bytes) {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

/// Whether the checksum at `at` is that of the whole header with zeros in its place.
bool crc_matches(std::string_view whole, std::size_t at) {
  std::string zeroed(whole);
  std::fill_n(zeroed.begin() + static_cast<std::ptrdiff_t>(at), 4, '\0');
  return (number16(whole, at) << 16 | number16(whole, at + 2)) == crc32c(zeroed);
}

/// Checks the TLVs of `whole` from `at` on. Returns what is wrong with them, or an empty text.
std::string_view check_tlvs(std::string_view whole, std::size_t at) {
  while (at < whole.size()) {
    if (whole.size() - at < kTlvFixed) return "PROXY header with a cut TLV";
    const std::size_t length = number16(whole, at + 1);
    const unsigned type = byte(whole, at);
    at += kTlvFixed;
    if (whole.size() - at < length) return "PROXY header with a cut TLV";
    if (type == kTlvCrc32c && (length != 4 || !crc_matches(whole, at)))
      return "PROXY header with a wrong checksum";
    at += length;
  }
  return {};
}

/// A stream's family of addresses.
struct V2Family {
  std::string_view protocol;
  std::size_t addresses;  // bytes
};

/// Nothing for what is no stream. Version 2.2: an unspecified family or transport is accepted without a look
/// at the addresses.
std::optional<V2Family> v2_family(unsigned family_and_transport) {
  const unsigned family = family_and_transport >> 4;
  const unsigned transport = family_and_transport & 15;
  if (family > 3 || transport > 1) return std::nullopt;
  if (family == 0 || transport == 0) return V2Family{"UNSPEC", 0};
  if (family == 1) return V2Family{"TCP4", 12};
  if (family == 2) return V2Family{"TCP6", 36};
  return V2Family{"UNIX", 216};
}

ProxyOutcome read_v2_block(const V2Family& family, std::string_view whole) {
  const std::string_view block = whole.substr(kV2Fixed);
  if (block.size() < family.addresses) return malformed("PROXY header too short for its addresses");
  ProxyHeader header{family.protocol, "", "", "", ""};
  if (family.protocol == "UNSPEC") return {Status::complete, whole.size(), std::move(header), {}};
  if (family.protocol == "TCP4") header = v2_endpoints("TCP4", AF_INET, 4, block);
  if (family.protocol == "TCP6") header = v2_endpoints("TCP6", AF_INET6, 16, block);
  const std::string_view wrong = check_tlvs(whole, kV2Fixed + family.addresses);
  if (!wrong.empty()) return malformed(wrong);
  return {Status::complete, whole.size(), std::move(header), {}};
}

ProxyOutcome read_v2(std::string_view input) {
  if (input.size() < kV2Fixed) return {};
  const unsigned command = byte(input, 12);
  if (command != 0x20 && command != 0x21) return malformed("unknown version or command in a PROXY header");
  const bool local = command == 0x20;
  const auto family = v2_family(byte(input, 13));
  if (!local && !family) return malformed("PROXY header for something else than a stream");
  const std::size_t size = kV2Fixed + number16(input, 14);
  if (size > kMaxProxyHeader) return malformed("PROXY header of more than 16 KiB");
  if (input.size() < size) return {};
  if (local) return {Status::complete, size, {"LOCAL", "", "", "", ""}, {}};
  return read_v2_block(*family, input.substr(0, size));
}

bool begins_like(std::string_view input, std::string_view signature) {
  return input.substr(0, signature.size()) == signature.substr(0, input.size());
}

}  // namespace

ProxyOutcome read_proxy_header(std::string_view input, ProxyMode mode, bool allowed) {
  const bool v1 = mode != ProxyMode::v2 && begins_like(input, kV1);
  const bool v2 = mode != ProxyMode::v1 && begins_like(input, kV2);
  if (!v1 && !v2) return {Status::absent, 0, {}, {}};
  if (input.size() < (v1 ? kV1 : kV2).size()) return {};
  if (!allowed) return refused(403, "a PROXY header from an address that may not send one");
  return v1 ? read_v1(input) : read_v2(input);
}

}  // namespace gserve::http
