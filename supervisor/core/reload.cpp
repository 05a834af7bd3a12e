// SPDX-License-Identifier: MIT
#include "supervisor/core/reload.h"

#include <algorithm>

namespace gserve::core {
namespace {

constexpr Duration kMargin = std::chrono::seconds(5);

}  // namespace

bool Reload::tries(Generation generation) const {
  return (phase_ == Phase::canary || phase_ == Phase::rolling) && generation == newest_;
}

void Reload::begin(const ReloadRequested& request, TimePoint now) {
  const JobId job = jobs_.open(JobKind::reload, request.request);
  if (running()) cancel(JobState::superseded, "superseded by job " + std::to_string(job), now);
  job_ = job;
  phase_ = Phase::loading;
  crashes_ = 0;
  outbox_.log(LogLevel::info, "reload requested by " + request.by);
  jobs_.progress(job_, "loading the configuration");
  outbox_.push(LoadConfig{job_});
}

std::string Reload::misfit(const SupervisorConfig& config) const {
  const auto& pools = workforce_.pools();
  const auto same_name = [](const PoolConfig& next, const WorkerPool& pool) {
    return next.name == pool.name();
  };
  if (!std::equal(config.pools.begin(), config.pools.end(), pools.begin(), pools.end(), same_name)) {
    return "the new configuration has other pools; pools are added and removed by a restart only";
  }
  return "";
}

void Reload::on_loaded(const ConfigLoaded& event, TimePoint now) {
  if (phase_ != Phase::loading || event.job != job_) return;
  const std::string reason = misfit(event.config);
  if (!reason.empty()) return fail(reason, now);
  outbox_.push(AdoptConfig{job_, ++newest_});
  start_canaries(event.config, now);
}

void Reload::on_rejected(const ConfigRejected& event, TimePoint now) {
  if (phase_ == Phase::loading && event.job == job_) fail(event.reason, now);
}

void Reload::start_canaries(const SupervisorConfig& config, TimePoint now) {
  phase_ = Phase::canary;
  boot_limit_ = {};
  auto& pools = workforce_.pools();
  for (std::size_t i = 0; i < pools.size(); ++i) {
    pools[i].begin_trial(newest_, config.pools[i]);
    const int boots = config.pools[i].preload ? 2 : 1;  // the template's and the worker's
    boot_limit_ = std::max(boot_limit_, config.pools[i].boot_timeout * boots);
  }
  report();
  workforce_.reconcile_all(now);
}

void Reload::on_boot_failure(const std::string& reason, TimePoint now) {
  roll_back(now);
  fail(reason, now);
}

void Reload::on_crash(const std::string& reason, TimePoint now) {
  if (++crashes_ <= kToleratedCrashes) return;
  roll_back(now);
  fail("workers of generation " + std::to_string(newest_) + " keep crashing: " + reason, now);
}

void Reload::advance(TimePoint now) {
  const auto& pools = workforce_.pools();
  const auto all = [&](auto predicate) { return std::all_of(pools.begin(), pools.end(), predicate); };
  if (phase_ == Phase::canary && all([](const WorkerPool& pool) { return pool.trial_ready() > 0; })) {
    phase_ = Phase::rolling;
    for (WorkerPool& pool : workforce_.pools()) pool.open_trial();
    workforce_.reconcile_all(now);
  }
  if (phase_ == Phase::canary || phase_ == Phase::rolling) report();
  if (phase_ == Phase::rolling &&
      all([](const WorkerPool& pool) { return pool.trial_ready() >= pool.trial_target(); })) {
    commit(now);
  }
  if (phase_ != Phase::draining) return;
  report();
  if (all([](const WorkerPool& pool) { return pool.strangers() == 0; })) finish(JobState::done, "", now);
}

void Reload::commit(TimePoint now) {
  const Generation old = current_;
  current_ = newest_;
  phase_ = Phase::draining;
  Duration longest{};
  for (WorkerPool& pool : workforce_.pools()) {
    longest = std::max(longest, pool.current_config().graceful_timeout);
    pool.commit_trial();
  }
  outbox_.log(LogLevel::info, "generation " + std::to_string(current_) + " serves; generation " +
                                  std::to_string(old) + " drains");
  outbox_.push(NotifyExtendTimeout{longest + kMargin});
  workforce_.reconcile_all(now);
  workforce_.forget_if_unused(old, now);
}

void Reload::roll_back(TimePoint now) {
  for (WorkerPool& pool : workforce_.pools()) pool.abandon_trial();
  workforce_.reconcile_all(now);
  workforce_.forget_if_unused(newest_, now);
}

void Reload::fail(const std::string& reason, TimePoint now) {
  outbox_.log(LogLevel::error,
              "reload failed, generation " + std::to_string(current_) + " goes on: " + reason);
  finish(JobState::failed, reason, now);
}

void Reload::cancel(JobState result, const std::string& reason, TimePoint now) {
  if (!running()) return;
  if (phase_ == Phase::draining) return finish(JobState::done, "", now);
  if (phase_ != Phase::loading) roll_back(now);
  outbox_.log(LogLevel::warning,
              "reload given up, generation " + std::to_string(current_) + " goes on: " + reason);
  finish(result, reason, now);
}

void Reload::finish(JobState result, const std::string& reason, TimePoint now) {
  phase_ = Phase::none;
  if (result == JobState::done) outbox_.log(LogLevel::info, "reload done");
  jobs_.finish(job_, result, reason, now);
}

void Reload::report() {
  int strangers = 0;
  int ready = 0;
  int wanted = 0;
  for (const WorkerPool& pool : workforce_.pools()) {
    strangers += pool.strangers();
    ready += pool.trial_ready();
    wanted += pool.trial_target();
  }
  if (phase_ == Phase::draining) {
    if (strangers > 0) jobs_.progress(job_, std::to_string(strangers) + " old workers drain");
    return;
  }
  const std::string text = std::to_string(ready) + "/" + std::to_string(wanted) + " workers of generation " +
                           std::to_string(newest_) + " ready";
  if (jobs_.progress(job_, text)) outbox_.push(NotifyExtendTimeout{boot_limit_ + kMargin});
}

}  // namespace gserve::core
