// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "supervisor/core/types.h"

namespace gserve::io {

/// A line of the error log as a JSON object, without a newline; see docs/logging.md. `worker` and `generation`
/// are 0 where none is concerned, and then left out. What is no UTF-8 in `message` is replaced.
std::string json_line(std::chrono::system_clock::time_point time, core::LogLevel level,
                      std::string_view message, core::Pid worker, core::Generation generation);

}  // namespace gserve::io
