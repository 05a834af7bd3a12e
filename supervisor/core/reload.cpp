// SPDX-License-Identifier: MIT
#include "supervisor/core/reload.h"

#include <algorithm>

#include "supervisor/core/names.h"

namespace gserve::core {
namespace {

constexpr Duration kMargin = std::chrono::seconds(5);

std::string name(Generation generation) {
  return "generation " + std::to_string(generation);
}

}  // namespace

bool Reload::tries(Generation generation) const {
  return (phase_ == Phase::canary || phase_ == Phase::rolling) && generation == next_;
}

void Reload::open(JobKind kind, RequestId request, const std::string& by) {
  kind_ = kind;
  job_ = jobs_.open(kind, request);
  crashes_ = 0;
  outbox_.log(LogLevel::info, std::string(name_of(kind)) + " requested by " + by);
}

void Reload::begin(const ReloadRequested& request, TimePoint now) {
  if (running()) cancel(JobState::superseded, "superseded by job " + std::to_string(jobs_.next()), now);
  open(JobKind::reload, request.request, request.by);
  phase_ = Phase::loading;
  jobs_.progress(job_, "loading the configuration");
  outbox_.push(LoadConfig{job_});
}

void Reload::begin(const RollbackRequested& request, const std::string& why, TimePoint now) {
  const auto kept = workforce_.pools().front().kept();
  if (undecided() && kind_ == JobKind::rollback) {
    return jobs_.refuse(request.request, "cannot roll back: job " + std::to_string(job_) + " does already");
  }
  if (undecided()) {
    cancel(JobState::superseded, "superseded by job " + std::to_string(jobs_.next()), now);
    if (kind_ == JobKind::reload) {
      open(JobKind::rollback, request.request, request.by);
      return finish(JobState::done, "", now);
    }
  }
  if (!kept) {
    return jobs_.refuse(request.request,
                        "cannot roll back: no reload has replaced a generation since the start, "
                        "or it was rolled back already");
  }
  const std::string reason = why.empty() ? "requested by " + request.by : why;
  if (running()) finish(JobState::failed, name(current_) + " is rolled back: " + reason, now);
  open(JobKind::rollback, request.request, request.by);
  next_ = *kept;
  start_canaries(now);
}

void Reload::begin(const ReforkRequested& request, TimePoint now) {
  const auto refuse = [&](const std::string& why) { jobs_.refuse(request.request, "cannot refork: " + why); };
  if (running()) return refuse("job " + std::to_string(job_) + " is under way; try again when it is done");
  auto& pools = workforce_.pools();
  for (const WorkerPool& pool : pools) {
    const Cohort& current = pool.current();
    if (!current.config.preload) return refuse("it is for services with preload");
    if (current.ready.empty()) return refuse("no worker of pool " + pool.name() + " is ready");
  }
  open(JobKind::refork, request.request, request.by);
  phase_ = Phase::warming;
  next_ = ++newest_;
  outbox_.push(CopyConfig{current_, next_});
  for (WorkerPool& pool : pools) {
    pool.prepare(next_, pool.current_config());
    workforce_.choose(*workforce_.find(*pool.current().ready.begin()));
  }
  jobs_.progress(job_, "a worker becomes the template");
  outbox_.push(NotifyExtendTimeout{pools.front().current_config().boot_timeout + kMargin});
  workforce_.reconcile_all(now);
}

void Reload::begin(const RestartRequested& request, TimePoint now) {
  if (undecided()) {
    return jobs_.refuse(request.request, "cannot restart: job " + std::to_string(job_) +
                                             " is under way; try again when it is done");
  }
  cancel(JobState::done, "", now);  // what drains goes on draining
  open(JobKind::restart, request.request, request.by);
  next_ = ++newest_;
  outbox_.push(CopyConfig{current_, next_});
  for (WorkerPool& pool : workforce_.pools()) pool.prepare(next_, pool.current_config());
  start_canaries(now);
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
  next_ = ++newest_;
  outbox_.push(AdoptConfig{job_, next_});
  auto& pools = workforce_.pools();
  for (std::size_t i = 0; i < pools.size(); ++i) pools[i].prepare(next_, event.config.pools[i]);
  start_canaries(now);
}

void Reload::on_rejected(const ConfigRejected& event, TimePoint now) {
  if (phase_ == Phase::loading && event.job == job_) fail(event.reason, now);
}

void Reload::on_promoted(WorkerHandle& worker, TimePoint now) {
  workforce_.become_template(worker, next_, now);
  if (warm()) start_canaries(now);
}

/// Whether every pool has its template.
bool Reload::warm() const {
  const auto& pools = workforce_.pools();
  return std::all_of(pools.begin(), pools.end(),
                     [this](const WorkerPool& pool) { return pool.cohorts().at(next_).source_ready; });
}

void Reload::on_chosen_gone(const std::string& reason, TimePoint now) {
  if (phase_ != Phase::warming) return;
  take_back(now);
  fail("the worker that was to become the template has gone: " + reason, now);
}

void Reload::on_replacement_failure(const std::string& reason, TimePoint now) {
  if (phase_ != Phase::warming) return;
  take_back(now);
  fail("nobody can replace the worker that was to become the template: " + reason, now);
}

void Reload::start_canaries(TimePoint now) {
  phase_ = Phase::canary;
  boot_limit_ = {};
  for (WorkerPool& pool : workforce_.pools()) {
    pool.begin_trial(next_);
    const PoolConfig& config = pool.cohort(next_).config;
    const int boots = config.preload ? 2 : 1;  // the template's and the worker's
    boot_limit_ = std::max(boot_limit_, config.boot_timeout * boots);
  }
  report();
  workforce_.reconcile_all(now);
}

void Reload::on_boot_failure(const std::string& reason, TimePoint now) {
  take_back(now);
  fail(reason, now);
}

void Reload::on_crash(const std::string& reason, TimePoint now) {
  if (++crashes_ <= kToleratedCrashes) return;
  take_back(now);
  fail("workers of " + name(next_) + " keep crashing: " + reason, now);
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

Successor Reload::successor() const {
  if (kind_ == JobKind::refork || kind_ == JobKind::restart) return Successor::renewed;
  return kind_ == JobKind::rollback ? Successor::restored : Successor::deployed;
}

void Reload::commit(TimePoint now) {
  const Generation old = current_;
  const auto kept_before = workforce_.pools().front().kept();
  current_ = next_;
  phase_ = Phase::draining;
  Duration longest{};
  for (WorkerPool& pool : workforce_.pools()) {
    longest = std::max(longest, pool.current_config().graceful_timeout);
    pool.commit_trial(successor());
  }
  outbox_.log(LogLevel::info, name(current_) + " serves; " + name(old) + " drains");
  outbox_.push(NotifyExtendTimeout{longest + kMargin});
  workforce_.reconcile_all(now);
  workforce_.forget_if_unused(old, now);
  if (kept_before) workforce_.forget_if_unused(*kept_before, now);
}

void Reload::take_back(TimePoint now) {
  for (WorkerHandle* worker : workforce_.in_order()) {
    if (worker->chosen) workforce_.pass_over(*worker);
  }
  for (WorkerPool& pool : workforce_.pools()) pool.abandon_trial();
  workforce_.reconcile_all(now);
  workforce_.forget_if_unused(next_, now);
}

void Reload::fail(const std::string& reason, TimePoint now) {
  outbox_.log(LogLevel::error,
              std::string(name_of(kind_)) + " failed, " + name(current_) + " goes on: " + reason);
  finish(JobState::failed, reason, now);
}

void Reload::cancel(JobState result, const std::string& reason, TimePoint now) {
  if (!running()) return;
  if (phase_ == Phase::draining) return finish(JobState::done, "", now);
  if (phase_ != Phase::loading) take_back(now);
  outbox_.log(LogLevel::warning,
              std::string(name_of(kind_)) + " given up, " + name(current_) + " goes on: " + reason);
  finish(result, reason, now);
}

void Reload::finish(JobState result, const std::string& reason, TimePoint now) {
  phase_ = Phase::none;
  if (result == JobState::done) outbox_.log(LogLevel::info, std::string(name_of(kind_)) + " done");
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
  const std::string text =
      std::to_string(ready) + "/" + std::to_string(wanted) + " workers of " + name(next_) + " ready";
  if (jobs_.progress(job_, text)) outbox_.push(NotifyExtendTimeout{boot_limit_ + kMargin});
}

}  // namespace gserve::core
