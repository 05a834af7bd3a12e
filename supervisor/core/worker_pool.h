// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/core/backoff.h"
#include "supervisor/core/types.h"
#include "supervisor/core/worker_handle.h"

/// Desired against actual, for one pool. Decides who leaves and what starts; Workforce carries it out.
///
/// A pool has a *target* (workers that should be ready) and one *current* generation. While a reload runs
/// there is a generation on *trial* too, and any other generation that still has workers is *outgoing* (the
/// old one once the trial has been opened, or the failed one after a roll-back).
///
///   starting a worker  only while its generation lacks workers, its back-off allows it (when, and how many at
///                      a time), and the pool's workers that have not been told to leave (claims starting,
///                      ready, failing, leaving) number less than target + surge; with a trial, the greater
///                      of both targets counts.
///   telling to leave   whoever starts beyond target + surge (after the target was lowered); the surplus of a
///                      wanted generation, workers that still start first, then the oldest; outgoing workers
///                      that still start at once, those that are ready only while more than `target` workers of
///                      the pool are ready.
///
/// A ready worker of the current generation that is due (worker_handle.h) raises the wanted number by one;
/// when more than `target` are ready, it is the due one that is told to leave. One at a time: the next due
/// worker waits until the one before has exited. While there is a trial nobody is replaced like that: a
/// reload replaces everybody, and who is left when it fails is still due.
///
/// So, at every moment: starting + ready <= target + surge, and the supervisor never takes the number of
/// ready workers below the target. Workers that were told to leave are not counted: how long they drain is up
/// to their clients.
///
/// With preload, each wanted generation has a template, which is started first: workers of the generation can
/// be started only while it is ready.
///
/// The generation that a reload has replaced is *kept*, with its settings, until the next one is: a roll-back
/// is a trial of the kept generation. While the new one is on test (`baking`, see bake.h) it keeps its
/// template, too, or without preload a *spare*: the first of its workers that would be told to leave rests
/// instead, and serves again as soon as its generation is wanted again. Spares are in no count but that of
/// the generation's processes.
///
/// A generation that is *prepared* has a record, and may have a template already (from a worker, see
/// reload.h), before its trial begins.
namespace gserve::core {

/// The workers of one generation in one pool.
struct Cohort {
  PoolConfig config;
  Backoff backoff;              // of its workers and templates
  std::string last_failure;     // why one of them last failed, one line; empty: none has
  LaunchId source = 0;          // with preload: its template, until that has exited; 0: none
  bool source_ready = false;    // workers can be forked from it
  std::set<LaunchId> starting;  // oldest first
  std::set<LaunchId> ready;     // oldest first
  std::set<LaunchId> due;       // those of the ready ones that are to be replaced
  std::set<LaunchId> spares;    // one at most
  int failing = 0;
  int leaving = 0;
  int retired = 0;
  int replaced = 0;  // of the retired ones: those whose place another one has taken

  int ready_count() const { return static_cast<int>(ready.size()); }
  int active() const { return static_cast<int>(starting.size() + ready.size()); }
  /// All but spares.
  int total() const { return active() + failing + leaving + retired; }
  bool can_start() const { return !config.preload || source_ready; }
  /// One of its processes has failed, `why` in one line. True if that makes a crash loop.
  bool fail(Backoff::Failure failure, Duration served, const std::string& why, TimePoint now, Random& random);
  /// Until its next start is allowed.
  Duration delay(TimePoint now) const;
};

/// What a new current generation is to the one before.
enum class Successor {
  deployed,  // another version: the one before is kept
  restored,  // it was kept itself: the one before is given up
  renewed,   // the same version in other processes: what is kept stays
};

class WorkerPool {
 public:
  WorkerPool(const PoolConfig& config, Generation generation);
  /// Without its workers: they are counted one by one.
  WorkerPool(const PoolRecord& record, Generation current);
  /// Not while a reload is under way.
  PoolRecord record() const;

  const std::string& name() const { return name_; }
  int target() const { return target_; }
  int trial_target() const { return trial_target_; }
  int ready() const;
  /// Everybody that has not exited.
  int total() const;
  bool on_trial() const { return trial_.has_value(); }
  /// The target is reached, no reload is under way, and nobody is left that was told to leave; replacing a
  /// due worker does not count.
  bool settled() const;
  /// Workers that do not belong to the current generation and have not exited, but for spares.
  int strangers() const;
  /// What a roll-back would go back to, if anything.
  std::optional<Generation> kept() const { return kept_; }

  Cohort& cohort(Generation generation) { return cohorts_.at(generation); }
  const std::map<Generation, Cohort>& cohorts() const { return cohorts_; }
  Cohort& current() { return cohorts_.at(current_); }
  const Cohort& current() const { return cohorts_.at(current_); }
  const PoolConfig& current_config() const { return current().config; }

  /// A change of claim: discount with the old one, count with the new one.
  void count(const WorkerHandle& worker) { tally(worker, +1); }
  void discount(const WorkerHandle& worker) { tally(worker, -1); }

  /// The next worker to be told to leave, if any.
  std::optional<LaunchId> surplus() const;
  /// A due worker that is ready and no longer needed, if any: told to leave before any surplus.
  std::optional<LaunchId> relieved() const;
  /// Whether this worker, which is surplus, is to rest instead of leaving.
  bool keeps_as_spare(const WorkerHandle& worker) const;
  /// A spare that is to serve again, if any.
  std::optional<LaunchId> recalled() const;
  /// A spare that is not needed any more, if any.
  std::optional<LaunchId> dismissed() const;
  /// Whether a worker is to be started, or starts, to take a due one's place.
  bool replacing() const;
  /// The generation of which a worker is to be started now, if any.
  std::optional<Generation> vacancy(TimePoint now) const;
  /// The generation of which a template is to be started now, if any.
  std::optional<Generation> template_vacancy(TimePoint now) const;
  /// When a vacancy of either kind opens that only back-off keeps closed.
  std::optional<TimePoint> wake_at(TimePoint now) const;

  /// Also the target of a reload under way: the operator has spoken last.
  void scale_to(int target);

  /// Another generation, to be tried.
  void prepare(Generation generation, const PoolConfig& config);
  /// The trial of one that is prepared or kept: first a canary, one worker beside the current ones...
  void begin_trial(Generation generation);
  /// ... then it replaces the current generation worker by worker ...
  void open_trial() { trial_open_ = true; }
  int trial_ready() const;
  /// ... until it is the current one, or is given up.
  void commit_trial(Successor successor);
  /// Also what was only prepared.
  void abandon_trial();
  /// The test is over: the kept generation needs neither template nor spare.
  void end_bake() { baking_ = false; }
  bool baking() const { return baking_; }

  bool knows(Generation generation) const { return cohorts_.contains(generation); }
  /// Whether workers of the generation may still be forked.
  bool needs_template(Generation generation) const;
  /// Drops the record of a generation that has no workers and is not wanted any more. True if it did.
  bool drop_if_unused(Generation generation);

 private:
  struct Totals {
    int ready = 0;
    int active = 0;   // starting and ready
    int present = 0;  // all that have not been told to leave
  };

  Totals totals() const;
  void tally(const WorkerHandle& worker, int by);
  bool wanted(Generation generation) const;
  bool wants_spare(Generation generation) const;
  int goal(Generation generation) const;
  int allowed(Generation generation) const;
  bool lacks(Generation generation) const;
  bool may_start(Generation generation, TimePoint now) const;
  bool lacks_template(Generation generation) const;
  int most() const;

  std::string name_;
  int target_;
  Generation current_;
  std::optional<Generation> trial_;
  int trial_target_ = 0;
  bool trial_open_ = false;
  std::optional<Generation> kept_;
  bool baking_ = false;
  std::optional<Generation> prepared_;
  std::map<Generation, Cohort> cohorts_;
};

inline constexpr char kCrashLoop[] =
    "workers keep dying (crash loop): starts are delayed more and more until they stay";

/// "pool api: " where there is more than one pool.
std::string label_of(const std::vector<WorkerPool>& pools, const WorkerPool& pool);

}  // namespace gserve::core
