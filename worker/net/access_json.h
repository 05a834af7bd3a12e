// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "worker/net/access_fields.h"

namespace gserve::net {

/// Appends one line, a JSON object (RFC 8259), without its newline: time (RFC 3339, UTC), remote_addr, user,
/// method, path and query as sent, protocol, host, status, bytes of body, duration_us, referer, user_agent,
/// then `constants` (members that are the same in each line, with a leading comma). What a request lacks is
/// null. Texts are cut after `most` bytes; if that happens, "truncated":true says so.
void append_json_line(std::string& out, const AccessRecord& record, std::string_view constants,
                      std::size_t most);

}  // namespace gserve::net
