// SPDX-License-Identifier: MIT
#include "supervisor/core/shutdown.h"

#include <algorithm>
#include <csignal>

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::stop};
constexpr Duration kMargin = std::chrono::seconds(5);

}  // namespace

Shutdown::Step Shutdown::step_after(const StopRequested& request, TimePoint now) const {
  if (request.mode == StopMode::quick) return step_ < Step::quick ? Step::quick : Step::kill;
  if (step_ == Step::none) return delay() > Duration::zero() ? Step::announced : Step::graceful;
  const bool again = request.escalates && now - asked_ >= kTogether;
  if (again && step_ == Step::announced) return Step::graceful;
  return again && step_ == Step::graceful ? Step::quick : step_;
}

bool Shutdown::ends_by(const StopRequested& request, TimePoint now) const {
  return step_after(request, now) > Step::announced;
}

void Shutdown::on_request(const StopRequested& request, TimePoint now) {
  const Step next = step_after(request, now);
  waiting_.push_back(jobs_.open(JobKind::stop, request.request));
  outbox_.log(LogLevel::info,
              std::string(next > Step::graceful ? "quick" : "graceful") + " stop requested by " + request.by);
  asked_ = now;
  if (next > step_) advance_to(next, now);
  advance(now);
}

void Shutdown::advance_to(Step step, TimePoint now) {
  if (step == Step::announced) return announce(now);
  ending() ? carry_out(step, now) : begin(step, now);
}

void Shutdown::on_due(TimePoint now) {
  if (step_ != Step::announced) return;
  begin(Step::graceful, now);
  advance(now);
}

void Shutdown::give_up(int code, TimePoint now) {
  code_ = code;
  begin(Step::quick, now);
}

void Shutdown::announce(TimePoint now) {
  step_ = Step::announced;
  outbox_.log(LogLevel::info, "serving on for " + describe(delay()) + " (pre_stop_delay)");
  outbox_.push(NotifyStopping{});
  outbox_.push(NotifyExtendTimeout{delay() + longest_drain() + kMargin});
  timers_.arm(kTimer, now + delay());
}

void Shutdown::begin(Step step, TimePoint now) {
  timers_.disarm(kTimer);
  workforce_.close();
  outbox_.push(StopListening{});
  if (!running()) outbox_.push(NotifyStopping{});
  if (step == Step::graceful) outbox_.push(NotifyExtendTimeout{longest_drain() + kMargin});
  carry_out(step, now);
}

void Shutdown::carry_out(Step step, TimePoint now) {
  step_ = step;
  for (WorkerHandle* worker : workforce_.in_order()) carry_out(step, *worker, now);
  if (step == Step::kill) workforce_.templates().kill_all(now);
}

void Shutdown::carry_out(Step step, WorkerHandle& worker, TimePoint now) {
  switch (step) {
    case Step::none:
    case Step::announced:
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

Duration Shutdown::delay() const {
  Duration longest{};
  for (const WorkerPool& pool : workforce_.pools())
    longest = std::max(longest, pool.current_config().pre_stop_delay);
  return longest;
}

void Shutdown::advance(TimePoint now) {
  if (!ending()) return;
  if (!workforce_.empty()) {
    const std::string left = std::to_string(workforce_.size()) + " workers left";
    for (const JobId job : waiting_) jobs_.progress(job, left);
    return;
  }
  workforce_.templates().end_all(now);
  if (!workforce_.templates().empty()) return;
  for (const JobId job : waiting_) jobs_.finish(job, JobState::done, "", now);
  outbox_.push(Exit{code_});
  finished_ = true;
}

}  // namespace gserve::core
