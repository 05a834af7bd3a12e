// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// What clients choose, made safe for log lines. Everything appends.
namespace gserve::net {

/// As Apache does it: \" and \\, and \xNN for what is not printable ASCII.
void append_escaped(std::string& out, std::string_view text);
/// The same for text whose %NN are decoded first; a % that begins none stays.
void append_decoded(std::string& out, std::string_view text);

/// A JSON string with its quotes (RFC 8259, 7). What is no UTF-8 becomes U+FFFD, a byte at a time.
void append_json_string(std::string& out, std::string_view text);

void append_number(std::string& out, std::int64_t number);

}  // namespace gserve::net
