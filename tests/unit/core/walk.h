// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace gserve::core::testing {

/// One thing that happens; `pick` and `value` choose among what is there at that moment.
struct Step {
  enum class Kind : std::uint8_t {
    ready,
    all_ready,
    crash,
    boot_failure,
    stopping,
    drained,
    all_drained,
    hang,
    request_ends,
    reload,
    bad_reload,
    answers,  // late or prompt
    scale,
    graceful_stop,
    quick_stop,
    time,
    no_memory,
    stale,
    last = stale
  } kind;
  std::uint8_t pick;
  std::uint8_t value;
};

/// A supervisor's life: its configuration and what happens to it. Small enough to be shrunk.
struct Walk {
  std::uint64_t seed;
  std::uint8_t pools;
  std::uint8_t workers;
  std::uint8_t surge;
  std::uint8_t timeout;
  std::vector<Step> steps;
};

std::ostream& operator<<(std::ostream& out, const Walk& walk);

struct Outcome {
  std::string broken;   // the first invariant that did not hold; empty: all held
  std::uint64_t trace;  // hash of all actions
};

/// Walks, then lets everything come to rest with well-behaved workers, then stops.
Outcome run(const Walk& walk);

}  // namespace gserve::core::testing
