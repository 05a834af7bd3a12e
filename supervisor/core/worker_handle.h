// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

#include "supervisor/core/snapshot.h"
#include "supervisor/core/types.h"

/// The supervisor's view of one child. The process itself is a *worker*.
///
/// A worker moves through its states in one direction only:
///
///   starting   spawned; it loads the application. Limit: boot_timeout, then it is aborted.
///   ready      it said READY=1 and serves. Its requests are watched (request_watch.h). Limit:
///              max_worker_lifetime, then it is due for replacement.
///   draining   it takes nothing new and ends what it has begun, because it was told to (SIGTERM; SIGQUIT in
///              a quick stop; or to become a template) or by its own decision (STOPPING=1). Limit:
///              graceful_timeout, then it is killed.
///   aborting   it was sent SIGABRT, dumps its stacks and dies. Limit: 1 s, then it is killed.
///   killing    it was sent SIGKILL. No limit: only its exit follows.
///
/// Any state may be skipped, and a worker may exit in any of them. Workforce::transition is the only place
/// where a state changes; it drops the timer of the state left and arms that of the state entered. An exit
/// ends the handle.
///
/// Besides its state a worker has a claim: how it counts for its pool (worker_pool.h). A ready worker may be
/// *due*: it serves on like any other, but is to be replaced by a fresh one, which is ready before it drains.
/// Or it is a *spare* (bake.h): it does not serve, and waits until it is wanted again or told to leave.
namespace gserve::core {

enum class Claim {
  starting,  // will serve
  ready,     // serves
  spare,     // could serve, but rests
  failing,   // aborted or killed for a fault of its own: replaced when it has exited
  leaving,   // drains by its own decision: replaced at once, if surge allows
  retired,   // told to leave: its place is given up
};

class WorkerHandle : public WorkerFacts {
 public:
  static constexpr Duration kAbortLimit = std::chrono::seconds(1);

  WorkerHandle(LaunchId launch_id, std::size_t pool_index, Generation of_generation, const PoolConfig& config,
               TimePoint now);

  explicit WorkerHandle(const WorkerRecord& record) : WorkerFacts(record.facts), state_(record.state) {}
  WorkerRecord record() const { return {*this, state_}; }

  WorkerState state() const { return state_; }
  Claim claim() const;
  /// How long the present state may last; nothing when it has no limit.
  std::optional<Duration> limit() const;
  bool was_ready() const { return ready_at.has_value(); }
  /// How long it has been ready, counted from READY=1; zero if it never was.
  Duration served(TimePoint now) const;

 private:
  friend class Workforce;  // Workforce::transition
  WorkerState state_ = WorkerState::starting;
};

}  // namespace gserve::core
