// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gserve::io {

/// `text` as a D-Bus string may hold it: valid UTF-8 without NUL (D-Bus specification, "Valid strings");
/// other bytes become \xNN. A client that got anything else would drop the connection. Cut at 64 KiB, keeping
/// the end, where a traceback says what went wrong.
std::string bus_text(std::string_view text);

}  // namespace gserve::io
