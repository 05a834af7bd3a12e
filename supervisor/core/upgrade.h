// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/timer_queue.h"

/// An upgrade replaces the supervisor's program with the pid, the listeners and the workers as they are. Its
/// phases:
///
///   checking   the new program runs as a child and says whether it can read the present state. Limit: 10 s.
///   executing  it can: it is executed in this one's place. The next event is Reexecuted, in the new program, or
///              in the old one, which goes on.
///
/// An operator's stop or reload meanwhile goes first: the upgrade is given up and has changed nothing.
namespace gserve::core {

class Upgrade {
 public:
  static constexpr Duration kCheckLimit = std::chrono::seconds(10);

  Upgrade(TimerQueue& timers, JobTable& jobs, Outbox& outbox)
      : timers_(timers), jobs_(jobs), outbox_(outbox) {}
  void restore(const UpgradeRecord& record);
  UpgradeRecord record() const { return {job_, phase_ == Phase::executing}; }

  bool running() const { return phase_ != Phase::none; }
  bool executing() const { return phase_ == Phase::executing; }

  void begin(const UpgradeRequested& request, TimePoint now);
  void on_checked(const UpgradeChecked& event, TimePoint now);
  void on_reexecuted(const Reexecuted& event, TimePoint now);
  /// The new program has not answered in time.
  void on_due(TimePoint now);
  /// Ends it for a reason from outside.
  void cancel(const std::string& reason, TimePoint now);

 private:
  enum class Phase { none, checking, executing };

  void fail(const std::string& reason, TimePoint now);
  void finish(JobState result, const std::string& reason, TimePoint now);

  TimerQueue& timers_;
  JobTable& jobs_;
  Outbox& outbox_;
  Phase phase_ = Phase::none;
  JobId job_ = 0;  // 0: none
};

}  // namespace gserve::core
