// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "supervisor/core/outbox.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/workforce.h"

namespace gserve::core {

/// What is wrong with `fresh`, seen beside `before`, in one line; empty when it is no worse:
///
///   crashes   more than 2, failed boots among them, and per second of service more than `factor` times as many
///   timeouts  likewise
///   5xx       5 or more, and a share of all responses that is more than `factor` times as great, where less
///             than one in a thousand counts as one in a thousand
std::string comparison(const Conduct& fresh, const Conduct& before, double factor);

/// A reload is done when everybody is READY, but what is wrong with a version often shows only under traffic.
/// With `bake` the new generation is on test for so long: once a second its workers' scoreboards are looked
/// at, and as soon as it is worse than the kept generation (worker_pool.h) was all its life long, the service
/// goes back to that one by itself. It does so once: if the roll-back fails, the new generation stays.
///
/// What is not on test is counted all the same: it is what the next generation is measured against.
class Bake {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr int kToleratedFailures = 2;
  static constexpr std::uint64_t kFewestErrors = 5;
  static constexpr double kLeastShare = 0.001;

  Bake(Workforce& workforce, TimerQueue& timers, Outbox& outbox)
      : workforce_(workforce), timers_(timers), outbox_(outbox) {}

  void restore(const BakeRecord& record);
  BakeRecord record() const;

  /// When the test ends, if there is one.
  std::optional<TimePoint> until() const { return until_; }
  const std::string& rolled_back() const { return rolled_back_; }

  /// A reload has made the next generation the current one: its test begins, if it has one.
  void on_deployed(TimePoint now);
  /// A roll-back has.
  void on_restored();
  /// A worker of any generation has gone.
  void on_gone(const WorkerHandle& worker, bool crashed, bool overdue, TimePoint now);
  /// The timer fell due: asks for samples; or the test is over.
  void on_due(Generation current, TimePoint now);
  /// Why the current generation is to be left, in one line, if so: then its test is over. Looks at all workers.
  std::optional<std::string> verdict(Generation current, TimePoint now);

  /// There is nothing to decide any more.
  void end();

 private:
  Conduct conduct(Generation generation, TimePoint now) const;

  Workforce& workforce_;
  TimerQueue& timers_;
  Outbox& outbox_;
  std::optional<TimePoint> until_;
  std::map<Generation, Conduct> gone_;
  std::string verdict_;  // the last one
  std::string rolled_back_;
};

}  // namespace gserve::core
