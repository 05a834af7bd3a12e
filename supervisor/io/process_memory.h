// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "supervisor/core/types.h"

namespace gserve::io {

/// Resident memory of the process in bytes (/proc/PID/statm, proc(5)); 0 when it cannot be read.
std::uint64_t resident_bytes(core::Pid pid);

}  // namespace gserve::io
