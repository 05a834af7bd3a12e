// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "supervisor/core/actions.h"
#include "supervisor/core/events.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/types.h"
#include "supervisor/core/views.h"

namespace gserve::core {

/// The brain: events in, actions out, time as an argument. Pure and deterministic: same configuration, seed,
/// events and times give the same actions. Not thread safe; lives on the supervisor's only thread.
class Supervisor {
 public:
  /// `seed` feeds the back-off's jitter.
  Supervisor(const SupervisorConfig& config, std::uint64_t seed);
  /// Goes on where the one that gave `snapshot` was; wrong_with(snapshot) must be empty.
  explicit Supervisor(const Snapshot& snapshot);
  ~Supervisor();
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&& other) noexcept;

  /// `now` must not be earlier than that of the call before. Carry out all the actions before handling the
  /// next event; events that they cause wait in a queue. After Exit there are no more actions.
  Actions handle(const Event& event, TimePoint now);

  /// When TimePassed is wanted next; nothing when only an event can change anything.
  std::optional<TimePoint> next_deadline() const;

  StatusView status() const;
  /// Jobs that run, and finished ones for 10 minutes.
  std::optional<JobView> job(JobId id) const;

  /// Nothing while a reload or a stop is under way.
  std::optional<Snapshot> snapshot() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gserve::core
