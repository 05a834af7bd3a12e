// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "supervisor/core/backoff.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/templates.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/worker_handle.h"
#include "supervisor/core/worker_pool.h"

namespace gserve::core {

/// All pools, all workers and, beside them, all templates: carries out what the pools decide. The only place
/// where a worker is made, changes its state, is sent a signal, or is forgotten; keeps claims, timers and
/// signals in step.
class Workforce {
 public:
  Workforce(const SupervisorConfig& config, Generation generation, std::uint64_t seed, TimerQueue& timers,
            Outbox& outbox);

  /// Goes on where the one that filled in the snapshot was. Timers are not restored here.
  Workforce(const Snapshot& snapshot, TimerQueue& timers, Outbox& outbox);
  void fill_in(Snapshot& snapshot) const;

  WorkerHandle* find(LaunchId launch);
  bool empty() const { return workers_.empty(); }
  std::size_t size() const { return workers_.size(); }
  std::vector<WorkerPool>& pools() { return pools_; }
  const std::vector<WorkerPool>& pools() const { return pools_; }
  Templates& templates() { return templates_; }
  const Templates& templates() const { return templates_; }
  int ready() const;
  int target() const;
  /// The id that the next launch will get: launches from now on have this one or a greater one.
  LaunchId next_launch() const { return next_launch_; }
  /// How many have ever been started.
  std::uint64_t workers_started() const { return next_age_ - 1; }
  /// In the order in which they were launched. O(n log n).
  std::vector<WorkerHandle*> in_order();
  std::vector<const WorkerHandle*> in_order() const;

  /// Starts and retires workers until the pool is as it should be, or arms its timer for when back-off allows
  /// it.
  void reconcile(WorkerPool& pool, TimePoint now);
  void reconcile_all(TimePoint now);
  /// From now on nobody is started.
  void close();

  void on_spawned(WorkerHandle& worker, Pid pid);
  void on_ready(WorkerHandle& worker, TimePoint now);
  /// It is to become a template: replaced first, then told so (`due` is "refork", unless
  /// it is due already: that stays, whatever becomes of this).
  void choose(WorkerHandle& worker);
  /// It is chosen no more; one that was told already ends instead.
  void pass_over(WorkerHandle& worker);
  /// It has become a template, of `generation`. Ends the handle.
  void become_template(WorkerHandle& worker, Generation generation, TimePoint now);
  /// It is to be replaced, for `reason` (one word).
  void set_due(WorkerHandle& worker, const std::string& reason);
  /// It drains by its own decision.
  void on_leaving(WorkerHandle& worker, TimePoint now);
  /// Tells it to leave with `signal` and gives it `limit` for that.
  void retire(WorkerHandle& worker, int signal, Duration limit, TimePoint now);
  void abort(WorkerHandle& worker, TimePoint now);
  void kill(WorkerHandle& worker, TimePoint now);
  /// Aborts it on an operator's order: its place is given up, and that is no fault of its own.
  void put_down(WorkerHandle& worker, TimePoint now);
  /// Its failure, `why` in one line, makes its generation's back-off grow; once per worker. Returns the delay
  /// until the next start.
  Duration blame(WorkerHandle& worker, Backoff::Failure failure, const std::string& why, TimePoint now);
  /// The pool's calm timer fell due: what failed is forgiven.
  void forgive(WorkerPool& pool);
  /// When back-off lets the pool's next worker start, if it keeps one from starting.
  std::optional<TimePoint> next_start(const WorkerPool& pool) const;
  /// It has exited, or was never born: takes it out, with its claim and timer.
  WorkerHandle take(WorkerHandle& worker);
  /// The test of the current generation is over, if there was one.
  void end_bake(TimePoint now);
  /// Lets go of `generation` if nobody needs it any more, and of all templates that nobody needs.
  void forget_if_unused(Generation generation, TimePoint now);

  std::string label(const WorkerPool& pool) const { return label_of(pools_, pool); }
  std::string label(const WorkerHandle& worker) const { return label(pools_[worker.pool]); }

 private:
  void relieve(WorkerHandle& worker, TimePoint now);
  void rest(WorkerHandle& worker);
  void serve(WorkerHandle& worker, TimePoint now);
  void dismiss(WorkerHandle& worker, TimePoint now);
  void leave(WorkerHandle& worker, Duration limit, TimePoint now);
  std::size_t index(const WorkerPool& pool) const { return static_cast<std::size_t>(&pool - pools_.data()); }
  void spawn(WorkerPool& pool, Generation generation, TimePoint now);
  void await_calm(const WorkerPool& pool);
  void transition(WorkerHandle& worker, WorkerState next, TimePoint now);
  template <typename Change>
  void change_claim(WorkerHandle& worker, Change change);
  void signal(WorkerHandle& worker, int number);

  TimerQueue& timers_;
  Outbox& outbox_;
  Random random_;
  std::vector<WorkerPool> pools_;
  Templates templates_{pools_, timers_, outbox_, random_};
  std::unordered_map<LaunchId, WorkerHandle> workers_;
  LaunchId next_launch_ = 1;
  std::uint64_t next_age_ = 1;
  bool closed_ = false;
};

}  // namespace gserve::core
