// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/workforce.h"

/// The end of the service. A graceful stop lets workers end what they have begun and kills them after
/// graceful_timeout; a quick one tells them to stop now and kills them after 1 s. A quick request escalates:
/// a graceful stop becomes quick, a quick one kills at once. A graceful request while a stop is under way
/// joins it and never shortens it: launchers often deliver SIGTERM twice. Workers that are being aborted or
/// killed already are left to that. Nobody is started any more, and when nobody is left the jobs are done and
/// the program ends.
namespace gserve::core {

class Shutdown {
 public:
  static constexpr Duration kQuickLimit = std::chrono::seconds(1);

  Shutdown(Workforce& workforce, JobTable& jobs, Outbox& outbox)
      : workforce_(workforce), jobs_(jobs), outbox_(outbox) {}

  bool running() const { return step_ != Step::none; }
  bool finished() const { return finished_; }

  void on_request(const StopRequested& request, TimePoint now);
  /// The program cannot serve: ends the other workers quickly, then exits with `code`. Call advance next.
  void give_up(int code, TimePoint now);
  /// A worker has gone; perhaps it was the last.
  void advance(TimePoint now);

 private:
  enum class Step { none, graceful, quick, kill };

  void begin(Step step, TimePoint now);
  void carry_out(Step step, TimePoint now);
  void carry_out(Step step, WorkerHandle& worker, TimePoint now);
  Duration longest_drain() const;

  Workforce& workforce_;
  JobTable& jobs_;
  Outbox& outbox_;
  Step step_ = Step::none;
  int code_ = 0;
  bool finished_ = false;
  std::vector<JobId> waiting_;
};

}  // namespace gserve::core
