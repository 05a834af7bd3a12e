// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// The header of the PROXY protocol, with which a proxy says who its client is ("The PROXY protocol, versions
/// 1 & 2", 2020/03/05). It comes once, before all else on a connection, TLS included. Sans I/O.

/// Which versions a connection may begin with. In each mode it may also begin without a header.
enum class ProxyMode : std::uint8_t { off, v1, v2, either };

struct ProxyHeader {
  /// "TCP4", "TCP6" or "UNIX"; or, when the proxy speaks for itself or does not know, "LOCAL", "UNKNOWN" or
  /// "UNSPEC": then the endpoints are those of the connection. A literal.
  std::string_view protocol;
  // Of TCP4 and TCP6 only; empty else.
  std::string source;
  std::string source_port;
  std::string destination;
  std::string destination_port;

  /// Whether the client is another one than who is connected.
  bool replaces_peer() const { return !source.empty() || protocol == "UNIX"; }
  bool operator==(const ProxyHeader&) const = default;
};

struct ProxyOutcome {
  enum class Status : std::uint8_t {
    need_more,
    absent,    // the connection begins with something else
    complete,  // `header`, of `size` bytes of input
    refused,
  };
  Status status = Status::need_more;
  std::size_t size = 0;
  ProxyHeader header;
  Refusal refusal;
};

/// No header is longer: version 1 has 107 bytes at most, version 2 could say up to 64 KiB.
constexpr std::size_t kMaxProxyHeader = std::size_t{16} * 1024;

/// Looks at `input`, all bytes received on a connection so far, at most kMaxProxyHeader of them. The outcome
/// does not depend on how they were split. `allowed`: whether the peer may send a header; if not, one is
/// refused with 403 as soon as it shows. Mode is not off.
///
/// Version 1: the line is taken strictly, addresses and ports in their canonical forms; what UNKNOWN is
/// followed by is ignored. Version 2: LOCAL ignores all else; families and transports other than those of
/// streams are refused; TLVs must fill the header exactly and are skipped, but for a CRC32c, which must match.
ProxyOutcome read_proxy_header(std::string_view input, ProxyMode mode, bool allowed);

}  // namespace gserve::http
