// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace gserve::config {

/// The name of the gunicorn setting that `flag` ("--preload", "-D") sets, if it is one that this version of
/// gserve does not have; else empty.
std::string_view unsupported_setting(std::string_view flag);

}  // namespace gserve::config
