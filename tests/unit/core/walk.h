// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "supervisor/core/snapshot.h"

namespace gserve::core::testing {

/// One thing that happens; `pick` and `value` choose among what is there at that moment.
struct Step {
  enum class Kind : std::uint8_t {
    ready,
    all_ready,
    crash,
    boot_failure,
    stopping,
    due,
    bloat,
    drained,
    all_drained,
    hang,
    hang_beside,
    request_ends,
    reload,
    bad_reload,
    answers,  // late or prompt
    scale,
    graceful_stop,
    quick_stop,
    time,
    no_memory,
    template_ready,
    template_crash,
    template_boot_failure,
    stale,
    upgrade,
    rollback,
    refork,
    errors,
    code_change,
    restart,
    restart_worker,
    kill_worker,
    reopen,
    last = reopen
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
  bool memory_limit = false;
  bool lifetime_limit = false;
  bool preload = false;
  bool bake = false;
  std::uint8_t stop_delay = 0;  // seconds
  bool watchdog = false;
  std::vector<Step> steps;
};

std::ostream& operator<<(std::ostream& out, const Walk& walk);

struct Outcome {
  std::string broken;   // the first invariant that did not hold; empty: all held
  std::uint64_t trace;  // hash of all actions
};

/// How the supervisor's life may be interrupted.
struct Journey {
  bool carried_off = false;  // another supervisor, restored from a snapshot, handles each event
  std::function<Snapshot(const Snapshot&)> carry = {};  // how snapshots travel; none: as they are
};

/// Walks, then lets everything come to rest with well-behaved workers, then stops.
Outcome run(const Walk& walk, const Journey& journey = {});

}  // namespace gserve::core::testing
