// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What travels through the hand-over queue (common/launch_contract.h) beside the connection's socket: the
/// request that waits on it, and what the socket cannot tell the next worker. Pure: bytes in, bytes out.
///
/// Layout, integers in little endian: "gsho", the version as one byte, three zeros, fourteen 32-bit sizes,
/// then the texts of those sizes in this order: head, body, rest; address, port and path of the peer; the same
/// of the local end; protocol, source, source port, destination and destination port of the
/// PROXY header. The message has no byte more. Workers of two releases share a queue for the time of an
/// upgrade, so a reader must expect versions that it does not know.
namespace gserve::http {

struct HandedEndpoint {
  std::string_view address;
  std::string_view port;
  std::string_view path;
  bool operator==(const HandedEndpoint&) const = default;
};

/// As http::ProxyHeader.
struct HandedProxyHeader {
  std::string_view protocol;  // empty: there was none
  std::string_view source;
  std::string_view source_port;
  std::string_view destination;
  std::string_view destination_port;
  bool operator==(const HandedProxyHeader&) const = default;
};

/// Views into what it was made of or read from.
struct HandedRequest {
  std::string_view head;     // as received, complete
  std::string_view body;     // decoded, complete
  std::string_view rest;     // received after the request
  HandedEndpoint peer = {};  // who is connected
  HandedEndpoint local = {};
  HandedProxyHeader proxy_header = {};
  bool operator==(const HandedRequest&) const = default;
};

inline constexpr unsigned char kHandoverVersion = 1;

/// The most bytes of head, body and rest together that are handed over: larger ones would fill the queue.
inline constexpr std::size_t kMostHanded = std::size_t{32} << 10;
/// The most bytes a message has: a path has at most 108 of them (unix(7)), addresses and ports fewer.
inline constexpr std::size_t kMostHandedMessage = kMostHanded + 1024;

/// Replaces `out` by the message.
void encode(const HandedRequest& request, std::string& out);

enum class HandedFormat { good, unknown_version, malformed };

/// Reads a message; `request` is set when it is good. What it holds is as the sender said: its head still has
/// to be parsed.
HandedFormat decode(std::string_view message, HandedRequest& request);

}  // namespace gserve::http
