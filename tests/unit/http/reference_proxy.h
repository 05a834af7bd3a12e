// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "worker/http/proxy_header.h"

namespace gserve::http::test {

/// What a connection makes of `bytes` that arrive in pieces ending at each of `ends` (ascending), then all.
/// Each look is at a heap block of exactly what has arrived, so that a sanitizer catches one byte too many.
ProxyOutcome read_proxy_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends,
                                  ProxyMode mode, bool allowed = true);
ProxyOutcome read_proxy_byte_by_byte(std::string_view bytes, ProxyMode mode, bool allowed = true);
bool same(const ProxyOutcome& a, const ProxyOutcome& b);
std::string described(const ProxyOutcome& outcome);

/// A second, slow and plain implementation. It gives no reasons.
ProxyOutcome read_proxy_by_reference(std::string_view bytes, ProxyMode mode, bool allowed = true);

/// A version 1 line with these endpoints; UNKNOWN for what has none.
std::string proxy_line(const ProxyHeader& header);

/// A version 2 header; `block` is what follows its 16 bytes.
std::string proxy_v2(unsigned char command, unsigned char family, std::string_view block);
std::string tlv(unsigned char type, std::string_view value);
/// The header with a CRC32c at its end.
std::string with_crc32c(unsigned char command, unsigned char family, std::string_view block);

}  // namespace gserve::http::test
