// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gserve::net {

/// Appends `text` as a JSON string, with its quotes (RFC 8259, section 7). Bytes from 0x80 on stand for the
/// characters of ISO 8859-1, as in a WSGI environ: any bytes make valid JSON, in ASCII.
void append_json(std::string& out, std::string_view text);

}  // namespace gserve::net
