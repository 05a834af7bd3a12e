// SPDX-License-Identifier: MIT
#include "supervisor/core/shutdown.h"

#include <algorithm>
#include <csignal>

namespace gserve::core {

void Shutdown::on_request(const StopRequested& request, TimePoint now) {
  const bool quick = request.mode == StopMode::quick;
  waiting_.push_back(jobs_.open(JobKind::stop, request.request));
  outbox_.log(LogLevel::info, std::string(quick ? "quick" : "graceful") + " stop requested by " + request.by);
  if (!running()) {
    begin(quick ? Step::quick : Step::graceful, now);
  } else if (quick) {
    carry_out(step_ == Step::graceful ? Step::quick : Step::kill, now);
  }
  advance(now);
}

void Shutdown::give_up(int code, TimePoint now) {
  code_ = code;
  begin(Step::quick, now);
}

void Shutdown::begin(Step step, TimePoint now) {
  workforce_.close();
  outbox_.push(StopListening{});
  outbox_.push(NotifyStopping{});
  if (step == Step::graceful) outbox_.push(NotifyExtendTimeout{longest_drain() + std::chrono::seconds(5)});
  carry_out(step, now);
}

void Shutdown::carry_out(Step step, TimePoint now) {
  step_ = step;
  for (WorkerHandle* worker : workforce_.in_order()) carry_out(step, *worker, now);
}

void Shutdown::carry_out(Step step, WorkerHandle& worker, TimePoint now) {
  switch (step) {
    case Step::none:
      return;
    case Step::graceful:
      if (worker.state() >= WorkerState::draining) return;
      return workforce_.retire(worker, SIGTERM, worker.graceful_timeout, now);
    case Step::quick:
      if (worker.state() > WorkerState::draining) return;
      return workforce_.retire(worker, SIGQUIT, std::min(kQuickLimit, worker.graceful_timeout), now);
    case Step::kill:
      if (worker.state() != WorkerState::killing) workforce_.kill(worker, now);
  }
}

Duration Shutdown::longest_drain() const {
  Duration longest{};
  for (const WorkerHandle* worker : workforce_.in_order())
    longest = std::max(longest, worker->graceful_timeout);
  return longest;
}

void Shutdown::advance(TimePoint now) {
  if (!workforce_.empty()) {
    const std::string left = std::to_string(workforce_.size()) + " workers left";
    for (const JobId job : waiting_) jobs_.progress(job, left);
    return;
  }
  for (const JobId job : waiting_) jobs_.finish(job, JobState::done, "", now);
  outbox_.push(Exit{code_});
  finished_ = true;
}

}  // namespace gserve::core
