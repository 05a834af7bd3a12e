// SPDX-License-Identifier: MIT
#include "supervisor/core/upgrade.h"

#include <utility>

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::upgrade};

}  // namespace

void Upgrade::restore(const UpgradeRecord& record) {
  job_ = record.job;
  if (job_ != 0) phase_ = record.executing ? Phase::executing : Phase::checking;
}

void Upgrade::begin(const UpgradeRequested& request, TimePoint now) {
  if (running()) {
    const std::string job = std::to_string(job_);
    return jobs_.refuse(request.request, "cannot upgrade: job " + job + " does so already");
  }
  job_ = jobs_.open(JobKind::upgrade, request.request);
  phase_ = Phase::checking;
  timers_.arm(kTimer, now + kCheckLimit);
  outbox_.log(LogLevel::info, "upgrade" + (request.binary.empty() ? "" : " to " + request.binary) +
                                  " requested by " + request.by);
  jobs_.progress(job_, "checking the new program");
  outbox_.push(CheckUpgrade{job_, request.binary});
}

void Upgrade::on_checked(const UpgradeChecked& event, TimePoint now) {
  if (phase_ != Phase::checking || event.job != job_) return;
  timers_.disarm(kTimer);
  if (!event.reason.empty()) return fail(event.reason, now);
  phase_ = Phase::executing;
  jobs_.progress(job_, "executing the new program");
  outbox_.push(Reexecute{job_});
}

void Upgrade::on_reexecuted(const Reexecuted& event, TimePoint now) {
  if (phase_ != Phase::executing || event.job != job_) return;
  if (!event.reason.empty()) return fail(event.reason, now);
  outbox_.log(LogLevel::info, "upgrade done");
  finish(JobState::done, "", now);
}

void Upgrade::on_due(TimePoint now) {
  cancel("the new program did not answer within " + describe(kCheckLimit), now);
}

void Upgrade::cancel(const std::string& reason, TimePoint now) {
  if (!running()) return;
  outbox_.push(GiveUpUpgrade{job_});
  fail(reason, now);
}

void Upgrade::fail(const std::string& reason, TimePoint now) {
  outbox_.log(LogLevel::error, "upgrade failed, the running program goes on: " + reason);
  finish(JobState::failed, reason, now);
}

void Upgrade::finish(JobState result, const std::string& reason, TimePoint now) {
  timers_.disarm(kTimer);
  phase_ = Phase::none;
  jobs_.finish(std::exchange(job_, 0), result, reason, now);
}

}  // namespace gserve::core
