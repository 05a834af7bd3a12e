// SPDX-License-Identifier: MIT
#include "tests/unit/http/reference_proxy.h"

#include <arpa/inet.h>

#include <boost/crc.hpp>
#include <cstring>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>

namespace gserve::http::test {
namespace {

using Status = ProxyOutcome::Status;
using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

ProxyOutcome refused(int status = 400) {
  return {Status::refused, 0, {}, {status, ""}};
}

bool is_address(const std::string& protocol, const std::string& text) {
  static const std::regex kVersion4(
      R"((\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3})");
  if (protocol == "TCP4") return std::regex_match(text, kVersion4);
  in6_addr address;
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

ProxyOutcome read_line(const std::string& text) {
  static const std::regex kLine(
      R"(PROXY (?:UNKNOWN(?: [^\x01-\x1f\x7f]*)?|(TCP[46]) ([^ ]+) ([^ ]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4}))\r\n)");
  const std::size_t end = text.find("\r\n");
  const bool ended = end != text.npos && end + 2 <= 107;
  static const std::regex kControls("[\\x01-\\x1f\\x7f]");
  const std::string most = text.substr(0, ended ? end : 105);
  if (most.find('\0') != most.npos) return refused();
  if (!ended) {
    // Only a CR at the very end may still become a line's.
    const bool half = text.size() <= 106 && text.ends_with('\r');
    const std::string before = half ? text.substr(0, text.size() - 1) : most;
    if (std::regex_search(before, kControls) || (!half && text.size() > 105)) return refused();
    return {};
  }
  std::smatch parts;
  const std::string whole = text.substr(0, end + 2);
  if (!std::regex_match(whole, parts, kLine)) return refused();
  if (!parts[1].matched) return {Status::complete, whole.size(), {"UNKNOWN", "", "", "", ""}, {}};
  const std::string protocol = parts[1];
  if (!is_address(protocol, parts[2]) || !is_address(protocol, parts[3])) return refused();
  if (std::stoi(parts[4]) > 65535 || std::stoi(parts[5]) > 65535) return refused();
  const ProxyHeader header{protocol == "TCP4" ? "TCP4" : "TCP6", parts[2], parts[4], parts[3], parts[5]};
  return {Status::complete, whole.size(), header, {}};
}

unsigned at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes.at(index));
}

std::string address(int family, std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family, std::string(bytes).c_str(), text, sizeof text);
}

ProxyHeader endpoints(std::string_view protocol, int family, std::size_t size, std::string_view block) {
  const auto port = [&](std::size_t index) {
    return std::to_string(at(block, 2 * size + 2 * index) * 256 + at(block, 2 * size + 2 * index + 1));
  };
  return {protocol, address(family, block.substr(0, size)), port(0),
          address(family, block.substr(size, size)), port(1)};
}

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

bool tlvs_hold(std::string whole, std::size_t position) {
  for (std::size_t next; position != whole.size(); position = next) {
    if (position + 3 > whole.size()) return false;
    next = position + 3 + std::size_t{at(whole, position + 1)} * 256 + at(whole, position + 2);
    if (next > whole.size()) return false;
    if (at(whole, position) != 3) continue;
    if (next != position + 7) return false;
    std::uint32_t sum;
    std::memcpy(&sum, whole.data() + position + 3, 4);
    std::string zeroed = whole;
    zeroed.replace(position + 3, 4, 4, '\0');
    if (ntohl(sum) != crc32c(zeroed)) return false;
  }
  return true;
}

ProxyOutcome read_binary(const std::string& bytes) {
  if (bytes.size() < 16) return {};
  const unsigned command = at(bytes, 12), family = at(bytes, 13);
  const std::size_t size = 16 + at(bytes, 14) * 256 + at(bytes, 15);
  if (command != 0x20 && command != 0x21) return refused();
  if (command == 0x21 && (family > 0x31 || family % 16 > 1)) return refused();
  if (size > 16384) return refused();
  if (bytes.size() < size) return {};
  if (command == 0x20) return {Status::complete, size, {"LOCAL", "", "", "", ""}, {}};
  const std::string whole = bytes.substr(0, size);
  const std::string block = whole.substr(16);
  ProxyHeader header{"UNSPEC", "", "", "", ""};
  const std::size_t needed = family == 0x11 ? 12 : family == 0x21 ? 36 : family == 0x31 ? 216 : 0;
  if (block.size() < needed) return refused();
  if (family == 0x11) header = endpoints("TCP4", AF_INET, 4, block);
  if (family == 0x21) header = endpoints("TCP6", AF_INET6, 16, block);
  if (family == 0x31) header.protocol = "UNIX";
  if (needed != 0 && !tlvs_hold(whole, 16 + needed)) return refused();
  return {Status::complete, size, header, {}};
}

bool may_become(const std::string& bytes, const std::string& signature) {
  return bytes.starts_with(signature) || signature.starts_with(bytes);
}

}  // namespace

ProxyOutcome read_proxy_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends,
                                  ProxyMode mode, bool allowed) {
  std::vector<std::size_t> sizes = ends;
  sizes.push_back(bytes.size());
  for (const std::size_t size : sizes) {
    const std::unique_ptr<char[]> copy(new char[size]);
    if (size > 0) std::memcpy(copy.get(), bytes.data(), size);
    ProxyOutcome outcome = read_proxy_header({copy.get(), size}, mode, allowed);
    if (outcome.status != Status::need_more) return outcome;
  }
  return {};
}

ProxyOutcome read_proxy_byte_by_byte(std::string_view bytes, ProxyMode mode, bool allowed) {
  std::vector<std::size_t> ends(bytes.size());
  std::iota(ends.begin(), ends.end(), std::size_t{0});
  return read_proxy_in_pieces(bytes, ends, mode, allowed);
}

bool same(const ProxyOutcome& a, const ProxyOutcome& b) {
  return a.status == b.status && a.size == b.size && a.header == b.header &&
         a.refusal.status == b.refusal.status && a.refusal.reason == b.refusal.reason;
}

std::string described(const ProxyOutcome& outcome) {
  std::ostringstream out;
  const ProxyHeader& header = outcome.header;
  out << "status " << static_cast<int>(outcome.status) << ", " << outcome.size << " bytes, "
      << header.protocol << ' ' << header.source << ' ' << header.source_port << ' ' << header.destination
      << ' ' << header.destination_port << ", " << outcome.refusal.status << ' ' << outcome.refusal.reason;
  return out.str();
}

ProxyOutcome read_proxy_by_reference(std::string_view bytes, ProxyMode mode, bool allowed) {
  const std::string text(bytes);
  const bool v1 = mode != ProxyMode::v2 && may_become(text, "PROXY ");
  const bool v2 = mode != ProxyMode::v1 && may_become(text, kSignature);
  if (!v1 && !v2) return {Status::absent, 0, {}, {}};
  if (text.size() < (v1 ? 6U : 12U)) return {};
  if (!allowed) return refused(403);
  return v1 ? read_line(text) : read_binary(text);
}

std::string proxy_line(const ProxyHeader& header) {
  if (header.source.empty()) return "PROXY UNKNOWN\r\n";
  return "PROXY " + std::string(header.protocol) + ' ' + header.source + ' ' + header.destination + ' ' +
         header.source_port + ' ' + header.destination_port + "\r\n";
}

std::string proxy_v2(unsigned char command, unsigned char family, std::string_view block) {
  std::string out = kSignature;
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(block.size() >> 8);
  out += static_cast<char>(block.size() & 255);
  return out.append(block);
}

std::string tlv(unsigned char type, std::string_view value) {
  std::string out(1, static_cast<char>(type));
  out += static_cast<char>(value.size() >> 8);
  out += static_cast<char>(value.size() & 255);
  return out.append(value);
}

std::string with_crc32c(unsigned char command, unsigned char family, std::string_view block) {
  std::string out = proxy_v2(command, family, std::string(block) + tlv(3, "\0\0\0\0"s));
  const std::uint32_t sum = htonl(crc32c(out));
  std::memcpy(out.data() + out.size() - 4, &sum, 4);
  return out;
}

}  // namespace gserve::http::test
