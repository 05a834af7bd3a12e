// SPDX-License-Identifier: MIT
#include "supervisor/core/worker_pool.h"

#include <algorithm>

namespace gserve::core {

bool Cohort::fail(Backoff::Failure failure, Duration served, const std::string& why, TimePoint now,
                  Random& random) {
  const bool looping = backoff.looping();
  backoff.on_failure(failure, served, now, random);
  last_failure = why;
  return !looping && backoff.looping();
}

Duration Cohort::delay(TimePoint now) const {
  return backoff.gate() > now ? backoff.gate() - now : Duration::zero();
}

WorkerPool::WorkerPool(const PoolConfig& config, Generation generation)
    : name_(config.name), target_(config.workers), current_(generation) {
  cohorts_[generation].config = config;
}

WorkerPool::WorkerPool(const PoolRecord& record, Generation current)
    : name_(record.name),
      target_(record.target),
      current_(current),
      kept_(record.kept),
      baking_(record.baking) {
  for (const CohortRecord& cohort : record.cohorts) {
    Cohort& restored = cohorts_[cohort.generation];
    restored.config = cohort.config;
    restored.backoff = Backoff(cohort.backoff);
    restored.last_failure = cohort.last_failure;
  }
}

PoolRecord WorkerPool::record() const {
  PoolRecord record{name_, target_, {}, kept_, baking_};
  for (const auto& [generation, cohort] : cohorts_) {
    record.cohorts.push_back({generation, cohort.config, cohort.backoff.record(), cohort.last_failure});
  }
  return record;
}

int WorkerPool::ready() const {
  return totals().ready;
}

int WorkerPool::total() const {
  int count = 0;
  for (const auto& [generation, cohort] : cohorts_) count += cohort.total();
  return count;
}

int WorkerPool::strangers() const {
  return total() - cohorts_.at(current_).total();
}

bool WorkerPool::settled() const {
  const Cohort& current = cohorts_.at(current_);
  const bool surplus_left = current.retired > current.replaced;
  return !trial_ && strangers() == 0 && !surplus_left && current.ready_count() >= target_;
}

void WorkerPool::tally(const WorkerHandle& worker, int by) {
  Cohort& cohort = cohorts_.at(worker.generation);
  const auto update = [&](std::set<LaunchId>& launches) {
    by > 0 ? static_cast<void>(launches.insert(worker.launch))
           : static_cast<void>(launches.erase(worker.launch));
  };
  switch (worker.claim()) {
    case Claim::starting:
      update(cohort.starting);
      break;
    case Claim::ready:
      update(cohort.ready);
      if (!worker.due.empty()) update(cohort.due);
      break;
    case Claim::spare:
      update(cohort.spares);
      break;
    case Claim::failing:
      cohort.failing += by;
      break;
    case Claim::leaving:
      cohort.leaving += by;
      break;
    case Claim::retired:
      cohort.retired += by;
      if (worker.replaced) cohort.replaced += by;
      break;
  }
}

bool WorkerPool::wanted(Generation generation) const {
  return generation == trial_ || (generation == current_ && !trial_open_);
}

/// While a reload replaces its generation, and as long as that may have been a mistake.
bool WorkerPool::wants_spare(Generation generation) const {
  const bool makes_way = trial_open_ && generation == current_ && trial_ != kept_ &&
                         cohorts_.at(*trial_).config.bake > Duration::zero();
  const bool baking = baking_ && generation == kept_;
  return (makes_way || baking) && !cohorts_.at(generation).config.preload;
}

bool WorkerPool::keeps_as_spare(const WorkerHandle& worker) const {
  return worker.claim() == Claim::ready && worker.due.empty() && wants_spare(worker.generation) &&
         cohorts_.at(worker.generation).spares.empty();
}

std::optional<LaunchId> WorkerPool::recalled() const {
  for (const auto& [generation, cohort] : cohorts_) {
    if (!cohort.spares.empty() && wanted(generation)) return *cohort.spares.begin();
  }
  return std::nullopt;
}

std::optional<LaunchId> WorkerPool::dismissed() const {
  for (const auto& [generation, cohort] : cohorts_) {
    if (!cohort.spares.empty() && !wants_spare(generation)) return *cohort.spares.begin();
  }
  return std::nullopt;
}

int WorkerPool::goal(Generation generation) const {
  if (generation != trial_) return target_ + (replacing() ? 1 : 0);
  return trial_open_ ? trial_target_ : 1;
}

/// How many may stay. A kept generation on trial may have more than a canary: it may even be the one that
/// serves.
int WorkerPool::allowed(Generation generation) const {
  if (generation == trial_) return trial_target_;
  return wanted(generation) ? goal(generation) : 0;
}

bool WorkerPool::replacing() const {
  return !trial_ && !current().due.empty() && current().replaced == 0;
}

std::optional<LaunchId> WorkerPool::relieved() const {
  const Cohort& cohort = current();
  if (cohort.due.empty() || cohort.ready_count() <= target_) return std::nullopt;
  return *cohort.due.begin();
}

std::optional<LaunchId> WorkerPool::surplus() const {
  const Totals all = totals();
  for (const auto& [generation, cohort] : cohorts_) {
    const int excess = cohort.active() - allowed(generation);
    const bool crowded = all.active > most();
    if (!cohort.starting.empty() && (excess > 0 || crowded)) return *cohort.starting.rbegin();
    const bool settled_generation = generation == current_ && !trial_open_;
    if (excess > 0 && (settled_generation || all.ready > target_)) return *cohort.ready.begin();
  }
  return std::nullopt;
}

WorkerPool::Totals WorkerPool::totals() const {
  Totals all;
  for (const auto& [generation, cohort] : cohorts_) {
    all.ready += cohort.ready_count();
    all.active += cohort.active();
    all.present += cohort.total() - cohort.retired;
  }
  return all;
}

int WorkerPool::most() const {
  return (trial_ && trial_open_ ? std::max(target_, trial_target_) : target_) + current_config().surge;
}

bool WorkerPool::lacks(Generation generation) const {
  const Cohort& cohort = cohorts_.at(generation);
  return wanted(generation) && cohort.active() + cohort.failing < goal(generation);
}

std::optional<Generation> WorkerPool::vacancy(TimePoint now) const {
  if (totals().present >= most()) return std::nullopt;
  if (trial_ && may_start(*trial_, now)) return trial_;
  if (may_start(current_, now)) return current_;
  return std::nullopt;
}

bool WorkerPool::may_start(Generation generation, TimePoint now) const {
  const Cohort& cohort = cohorts_.at(generation);
  const bool crowded = static_cast<int>(cohort.starting.size()) >= cohort.backoff.window();
  return lacks(generation) && cohort.can_start() && !crowded && cohort.backoff.gate() <= now;
}

bool WorkerPool::lacks_template(Generation generation) const {
  const Cohort& cohort = cohorts_.at(generation);
  return cohort.config.preload && cohort.source == 0 && wanted(generation);
}

std::optional<Generation> WorkerPool::template_vacancy(TimePoint now) const {
  for (const auto& [generation, cohort] : cohorts_) {
    if (lacks_template(generation) && cohort.backoff.gate() <= now) return generation;
  }
  return std::nullopt;
}

std::optional<TimePoint> WorkerPool::wake_at(TimePoint now) const {
  std::optional<TimePoint> soonest;
  const auto consider = [&](bool lacking, TimePoint gate) {
    if (lacking && gate > now && (!soonest || gate < *soonest)) soonest = gate;
  };
  const bool full = totals().present >= most();
  for (const auto& [generation, cohort] : cohorts_) {
    const bool vacant = !full && lacks(generation) && cohort.can_start();
    consider(vacant || lacks_template(generation), cohort.backoff.gate());
  }
  return soonest;
}

void WorkerPool::scale_to(int target) {
  target_ = target;
  trial_target_ = target;
}

void WorkerPool::prepare(Generation generation, const PoolConfig& config) {
  prepared_ = generation;
  cohorts_[generation].config = config;
}

void WorkerPool::begin_trial(Generation generation) {
  const int configured = cohorts_.at(generation).config.workers;
  trial_ = generation;
  trial_open_ = false;
  trial_target_ = configured != current_config().workers ? configured : target_;
}

int WorkerPool::trial_ready() const {
  return trial_ ? cohorts_.at(*trial_).ready_count() : 0;
}

void WorkerPool::commit_trial(Successor successor) {
  if (successor == Successor::deployed) kept_ = current_;
  if (successor == Successor::restored) kept_.reset();
  current_ = *trial_;
  target_ = trial_target_;
  if (successor != Successor::renewed) baking_ = kept_ && current_config().bake > Duration::zero();
  abandon_trial();
}

void WorkerPool::abandon_trial() {
  trial_.reset();
  prepared_.reset();
  trial_open_ = false;
}

bool WorkerPool::needs_template(Generation generation) const {
  const auto found = cohorts_.find(generation);
  if (found == cohorts_.end()) return false;
  const bool kept_ready = generation == prepared_ || (generation == kept_ && baking_);
  return kept_ready || generation == current_ || generation == trial_ || found->second.total() > 0;
}

bool WorkerPool::drop_if_unused(Generation generation) {
  const auto found = cohorts_.find(generation);
  if (found == cohorts_.end() || generation == current_ || generation == trial_) return false;
  if (generation == kept_ || generation == prepared_) return false;
  if (found->second.total() > 0 || !found->second.spares.empty()) return false;
  cohorts_.erase(found);
  return true;
}

std::string label_of(const std::vector<WorkerPool>& pools, const WorkerPool& pool) {
  return pools.size() > 1 ? "pool " + pool.name() + ": " : "";
}

}  // namespace gserve::core
