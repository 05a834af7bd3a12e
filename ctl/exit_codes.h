// SPDX-License-Identifier: MIT
#pragma once

/// The exit codes of gservectl, part of its interface.
namespace gserve::ctl {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;  // also: several instances run and none was named
inline constexpr int kExitNoInstance = 3;

}  // namespace gserve::ctl
