// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace gserve::ctl {

/// Proportional set size in bytes: memory shared by n processes counts 1/n (/proc/PID/smaps_rollup, proc(5)). The
/// kernel walks through all of the process's memory for it. Nothing where this user may not look.
std::optional<std::uint64_t> pss_bytes(pid_t pid);

}  // namespace gserve::ctl
