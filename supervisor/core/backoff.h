// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "supervisor/core/snapshot.h"
#include "supervisor/core/types.h"

namespace gserve::core {

/// A small seeded generator (splitmix64): the same seed gives the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// Uniform in [0, 1).
  double unit();
  /// A generator with this seed gives the numbers that this one would give next.
  std::uint64_t seed() const { return state_; }

 private:
  std::uint64_t state_;
};

/// Decides when the next worker may be started after some have failed, so that a crash loop never spins.
///
/// The first crash of a worker that had been ready costs nothing: the next one starts at once. Each further
/// failure doubles the delay, from 0.1 s to 30 s, less up to a fifth (jitter, so that hosts that share a
/// broken database do not come back in step). A failed boot is never retried without a delay. Failures that
/// fall into a delay are part of the same incident and do not lengthen it. A worker that had been ready for
/// 60 s was no part of a loop; after 60 s of service without a failure all is forgiven.
///
/// A delay alone would let a whole fleet start at its end, in one moment. So while starts are delayed they
/// begin slowly, too: after a failure one worker may be starting at a time, and each one that becomes ready
/// makes room for one more, so that the number doubles with each time that a boot takes.
///
/// A pool is in a crash loop when a start that had been delayed has failed again, until all is forgiven.
class Backoff {
 public:
  enum class Failure { boot, crash };
  static constexpr Duration kFirst = std::chrono::milliseconds(100);
  static constexpr Duration kMost = std::chrono::seconds(30);
  static constexpr Duration kCalm = std::chrono::seconds(60);
  static constexpr int kWidest = 1 << 20;  // workers that may be starting at the same time

  Backoff() = default;
  explicit Backoff(const BackoffRecord& record);
  BackoffRecord record() const;

  void on_ready(TimePoint now);
  /// `served`: how long the failed worker had been ready.
  void on_failure(Failure failure, Duration served, TimePoint now, Random& random);
  /// No worker may be started before.
  TimePoint gate() const { return gate_; }
  /// How many workers may be starting at the same time.
  int window() const;

  bool looping() const { return incidents_ > kDelayed; }
  /// Workers that have failed since all was forgiven.
  int failures() const { return failures_; }
  /// When all will be forgiven if nothing fails; nothing while nobody serves, or there is nothing to forgive.
  std::optional<TimePoint> calm_at() const;
  void forgive();

 private:
  Duration delay(Random& random) const;

  static constexpr int kDelayed = 2;  // from this incident on starts are delayed

  TimePoint gate_ = TimePoint::min();
  int incidents_ = 0;
  int failures_ = 0;
  int window_ = 1;
  std::optional<TimePoint> calm_since_;  // first READY since the last failure
};

}  // namespace gserve::core
