// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace gserve::http {

/// The position of the first control character other than HTAB in `text`, looking from `from` on; text.size()
/// if there is none. In a head this is where a line ends or where it is malformed.
std::size_t find_control(std::string_view text, std::size_t from);

}  // namespace gserve::http
