// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {

/// A second, slow and plain implementation of the request rules, on whole heads and by regular expressions.
/// It says only whether `bytes` begin with a request that must be accepted and what it means; which fault
/// comes first and limits on size are not its business. For inputs of up to a few thousand bytes.
Outcome parse_by_reference(std::string_view bytes);

}  // namespace gserve::http::test
