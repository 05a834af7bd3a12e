// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/workforce.h"

/// The end of the service, in steps that only go forward:
///
///   announced  the service manager has been told, and for pre_stop_delay everything goes on as before, workers
///              that die are replaced too: a load balancer needs that time to send nobody here any more.
///              Without a delay the step is left out.
///   graceful   nobody connects or is started any more; workers end what they have begun and are killed after
///              graceful_timeout
///   quick      workers are told to stop now and killed after 1 s
///   kill       all are killed at once
///
/// A quick request makes a quick stop of what is announced or graceful, and kills in a quick one. A graceful
/// request joins the stop that is under way; but one that `escalates` (SIGTERM) ends the delay, then a
/// graceful stop turns quick, unless it comes within 1 s of the request before: launchers often deliver
/// SIGTERM twice. Workers that are being aborted or killed already are left to that. When no worker
/// is left the templates are ended, and when they have gone the jobs are done and the program ends.
namespace gserve::core {

class Shutdown {
 public:
  static constexpr Duration kQuickLimit = std::chrono::seconds(1);
  static constexpr Duration kTogether = std::chrono::seconds(1);

  Shutdown(Workforce& workforce, TimerQueue& timers, JobTable& jobs, Outbox& outbox)
      : workforce_(workforce), timers_(timers), jobs_(jobs), outbox_(outbox) {}

  /// A stop is under way, if only announced.
  bool running() const { return step_ != Step::none; }
  /// Workers are on their way out.
  bool ending() const { return step_ > Step::announced; }
  /// Nobody waits for workers to end what they do.
  bool hurried() const { return step_ > Step::graceful; }
  bool finished() const { return finished_; }

  /// Whether workers are on their way out after this request.
  bool ends_by(const StopRequested& request, TimePoint now) const;
  void on_request(const StopRequested& request, TimePoint now);
  /// The delay is over.
  void on_due(TimePoint now);
  /// The program cannot serve: ends the other workers quickly, then exits with `code`. Call advance next.
  void give_up(int code, TimePoint now);
  /// A worker has gone; perhaps it was the last.
  void advance(TimePoint now);

 private:
  enum class Step { none, announced, graceful, quick, kill };

  Step step_after(const StopRequested& request, TimePoint now) const;
  void advance_to(Step step, TimePoint now);
  void announce(TimePoint now);
  void begin(Step step, TimePoint now);
  void carry_out(Step step, TimePoint now);
  void carry_out(Step step, WorkerHandle& worker, TimePoint now);
  Duration longest_drain() const;
  Duration delay() const;

  Workforce& workforce_;
  TimerQueue& timers_;
  JobTable& jobs_;
  Outbox& outbox_;
  Step step_ = Step::none;
  TimePoint asked_ = TimePoint::min();  // the last request
  int code_ = 0;
  bool finished_ = false;
  std::vector<JobId> waiting_;
};

}  // namespace gserve::core
