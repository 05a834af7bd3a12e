// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "supervisor/core/types.h"
#include "supervisor/ports/metrics.h"

namespace gserve::io {

/// Resident memory of the process in bytes (/proc/PID/statm, proc(5)); 0 when it cannot be read.
std::uint64_t resident_bytes(core::Pid pid);

/// Of this process, which began its service at `started`.
ports::OwnProcess own_process(core::TimePoint started);

/// User and system time that the process has taken in all its threads (/proc/PID/stat); 0 when it cannot be read.
core::Duration cpu_time(core::Pid pid);

}  // namespace gserve::io
