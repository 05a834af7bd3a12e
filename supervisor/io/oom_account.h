// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include "supervisor/core/types.h"
#include "supervisor/ports/oom_counter.h"

namespace gserve::io {

/// Tells whether a worker that died of a SIGKILL that nobody here sent was killed for lack of memory: if the
/// kernel has counted a kill that no other death has claimed. The kernel counts before the process ends, so a
/// claim never comes too early. Processes that an application starts are counted too, and nobody claims them:
/// what has been unclaimed for long is forgotten, lest it explain a later death.
class OomAccount {
 public:
  static constexpr core::Duration kRemembered = std::chrono::seconds(10);

  /// `counter` is borrowed. What it has counted so far is nobody's.
  explicit OomAccount(ports::OomCounter& counter) : counter_(counter) {
    claimed_ = recent_ = counter.kills().value_or(0);
  }

  /// True if there was a kill that explains the death.
  bool claim();
  /// Forgets what was already there at the call before, if that was at least kRemembered ago.
  void forget_old(core::TimePoint now);

 private:
  ports::OomCounter& counter_;
  std::uint64_t claimed_ = 0;
  std::uint64_t recent_ = 0;  // the counter at `looked_`
  core::TimePoint looked_ = core::TimePoint::min();
};

}  // namespace gserve::io
