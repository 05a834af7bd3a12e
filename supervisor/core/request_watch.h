// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/core/events.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/workforce.h"

namespace gserve::core {

/// Finds requests that run for longer than `timeout`, without ticking. Workers write their scoreboards
/// without a system call, so nobody tells when a request begins; but one that begins after a sample cannot be
/// overdue before `timeout` has passed since that sample. So all ready workers are sampled together: once per
/// `timeout` while they are idle, and when the oldest request seen would be overdue. That sample is taken
/// right before the decision, so a request that has ended meanwhile costs nobody his life. One timer for all.
///
/// A worker whose running requests are all overdue is aborted at once: it dumps its stacks and dies. One that
/// runs others too is due for replacement first; from then on it is looked at every second, while it serves
/// and while it drains, and aborted as soon as only overdue requests are left. All of that is bounded: no
/// longer than graceful_timeout it waits for the replacement, no longer than that it drains.
///
/// The same look shows who uses more memory than max_worker_memory. Where there is such a limit but no
/// timeout, it is taken every 30 s; where there is neither, workers are not watched.
class RequestWatch {
 public:
  static constexpr Duration kMemoryInterval = std::chrono::seconds(30);
  static constexpr Duration kLookInterval = std::chrono::seconds(1);

  enum class Finding {
    fine,
    overdue,  // all that runs has run for too long
    mixed,    // one has run for too long, and others run
  };

  RequestWatch(Workforce& workforce, TimerQueue& timers, Outbox& outbox)
      : workforce_(workforce), timers_(timers), outbox_(outbox) {}

  void on_ready(const WorkerHandle& worker, TimePoint now);
  /// The timer fell due: asks for a sample of every ready worker.
  void on_due(TimePoint now);
  Finding on_sample(const WorkerHandle& worker, const ScoreboardSampled& sample, TimePoint now);
  /// Asks for another sample of this worker soon. The timer ends with the worker or its abort.
  void look_again(const WorkerHandle& worker, TimePoint now);
  /// True if the sample shows that the worker has outgrown its limit.
  static bool outgrown(const WorkerHandle& worker, const ScoreboardSampled& sample);
  /// A worker is ready no more: without anyone to watch there is no timer.
  void on_gone();
  void close();

 private:
  void not_later_than(TimePoint when);

  Workforce& workforce_;
  TimerQueue& timers_;
  Outbox& outbox_;
};

}  // namespace gserve::core
