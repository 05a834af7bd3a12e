// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/core/types.h"
#include "supervisor/core/views.h"

namespace gserve::core {

/// All jobs that run, and those that have ended in the last 10 minutes.
class JobTable {
 public:
  static constexpr Duration kKept = std::chrono::minutes(10);

  explicit JobTable(Outbox& outbox) : outbox_(outbox) {}

  void restore(JobId next, const std::vector<JobRecord>& records);
  std::vector<JobRecord> records() const;
  /// The id that the next job will get.
  JobId next() const { return next_; }

  /// A new job, from 1. `request` 0: nobody waits for the answer.
  JobId open(JobKind kind, RequestId request);
  /// Says no to a request. It is logged too: nobody else may be listening.
  void refuse(RequestId request, const std::string& reason);
  /// Nothing is said twice in a row; false if so.
  bool progress(JobId id, const std::string& text);
  void finish(JobId id, JobState result, const std::string& reason, TimePoint now);
  std::optional<JobView> find(JobId id) const;
  /// How many have ended, by kind and result; for ever.
  std::vector<JobCount> counts() const;
  void restore_counts(const std::vector<JobCount>& counts);
  /// Forgets what ended long ago.
  void prune(TimePoint now);

 private:
  Outbox& outbox_;
  JobId next_ = 1;
  std::map<JobId, JobView> jobs_;
  std::deque<std::pair<TimePoint, JobId>> finished_;
  std::map<std::pair<JobKind, JobState>, std::uint64_t> counts_;
};

}  // namespace gserve::core
