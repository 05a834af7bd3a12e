// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "supervisor/io/signals.h"

namespace gserve::io {

/// Ends every child that this process still has: SIGTERM, and SIGKILL for those that live after `patience`.
/// They are processes that applications started and outlived; as their subreaper the supervisor got them.
/// Gives up after twice `patience`. Returns how many it ended. For the end of the service: takes SIGCHLD out
/// of `signals`.
int end_orphans(SignalQueue& signals, std::chrono::milliseconds patience);

}  // namespace gserve::io
