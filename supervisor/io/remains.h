// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/core/types.h"
#include "supervisor/io/launch_registry.h"
#include "supervisor/ports/incidents.h"

namespace gserve::io {

/// What a process that has ended left behind in its scoreboard and its incident file.
struct Remains {
  core::LaunchId launch = 0;
  core::Pid pid = 0;
  std::uint32_t in_flight = 0;                   // requests; may be more than are listed
  std::vector<ports::RequestInFlight> requests;  // oldest first
  std::string stacks;                            // 1 MiB at most; may be empty
  core::Generation generation = 0;
  std::uint64_t age = 0;  // as Launch::age
};

/// `now` is when it was reaped.
Remains gather_remains(const Launch& launch, core::TimePoint now);

/// The stacks with the request that was running, for the log; empty without stacks.
std::string stacks_text(const Remains& remains);

}  // namespace gserve::io
