// SPDX-License-Identifier: MIT
#include "supervisor/core/snapshot.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "supervisor/core/backoff.h"

namespace gserve::core {
namespace {

// Far from where sums of two of them overflow: 73 years.
constexpr Duration kLongest = std::chrono::nanoseconds(std::int64_t{1} << 61);

bool sound(Duration duration) {
  return duration >= Duration::zero() && duration <= kLongest;
}

bool sound(TimePoint time) {
  return sound(time.time_since_epoch());
}

bool sound(const std::optional<TimePoint>& time) {
  return !time || sound(*time);
}

bool sound(const PoolConfig& config) {
  return config.workers >= 1 && config.surge >= 1 && sound(config.boot_timeout) && sound(config.timeout) &&
         sound(config.graceful_timeout) && sound(config.pre_stop_delay) &&
         sound(config.max_worker_lifetime) && sound(config.bake) && config.bake_factor > 0;
}

bool sound(const BackoffRecord& backoff) {
  return backoff.incidents >= 0 && backoff.failures >= 0 && backoff.window >= 1 &&
         backoff.window <= Backoff::kWidest && sound(backoff.gate) && sound(backoff.calm_since);
}

/// Looks through one snapshot; the first fault counts.
class Examination {
 public:
  explicit Examination(const Snapshot& snapshot) : snapshot_(snapshot) {}

  std::string run() {
    pools();
    workers();
    templates();
    jobs();
    exits();
    scales();
    worker_jobs();
    upgrade();
    bake();
    timers();
    return fault_;
  }

 private:
  void expect(bool holds, const std::string& fault) {
    if (!holds && fault_.empty()) fault_ = fault;
  }

  void pools() {
    expect(!snapshot_.pools.empty(), "it has no pool");
    expect(snapshot_.generation >= 1 && snapshot_.generation <= snapshot_.newest,
           "its current generation was never made");
    for (const PoolRecord& pool : snapshot_.pools) {
      const std::string who = "pool " + pool.name;
      std::set<Generation> generations;
      for (const CohortRecord& cohort : pool.cohorts) {
        expect(generations.insert(cohort.generation).second, who + " has a generation twice");
        expect(cohort.generation <= snapshot_.newest, who + " has a generation that was never made");
        expect(sound(cohort.config) && sound(cohort.backoff), who + " has an impossible value");
      }
      expect(generations.contains(snapshot_.generation), who + " lacks the current generation");
      expect(pool.target >= 1, who + " has an impossible target");
      expect(!pool.kept || (generations.contains(*pool.kept) && *pool.kept != snapshot_.generation),
             who + " keeps a generation that it lacks");
      expect(pool.kept || !pool.baking, who + " tests nothing");
      generations_.push_back(std::move(generations));
    }
  }

  void workers() {
    for (const WorkerRecord& record : snapshot_.workers) {
      const WorkerFacts& worker = record.facts;
      const std::string who = "worker " + std::to_string(worker.launch);
      expect(launches_.insert(worker.launch).second, who + " is there twice");
      expect(worker.launch >= 1 && worker.launch < snapshot_.next_launch, who + " was never launched");
      expect(worker.pool < generations_.size() && generations_[worker.pool].contains(worker.generation),
             who + " is of no pool or generation");
      expect(worker.pid >= 0 && sound(worker.boot_timeout) && sound(worker.timeout) &&
                 sound(worker.graceful_timeout) && sound(worker.max_lifetime) && sound(worker.started) &&
                 sound(worker.overdue_since) && sound(worker.ready_at) && sound(worker.drain_limit),
             who + " has an impossible value");
      const bool endless = record.state == WorkerState::killing ||
                           (record.state == WorkerState::ready && worker.max_lifetime == Duration::zero());
      if (!endless) limited_.insert(worker.launch);
      if (worker.overdue_since) overdue_.insert(worker.launch);
    }
  }

  void templates() {
    std::set<std::pair<std::size_t, Generation>> served;
    for (const TemplateRecord& record : snapshot_.templates) {
      const TemplateFacts& facts = record.facts;
      const std::string who = "template " + std::to_string(facts.launch);
      expect(launches_.insert(facts.launch).second, who + " is there twice");
      expect(facts.launch >= 1 && facts.launch < snapshot_.next_launch, who + " was never launched");
      const bool known =
          facts.pool < generations_.size() && generations_[facts.pool].contains(facts.generation);
      expect(facts.pool < generations_.size() && (known || facts.told), who + " is of no pool or generation");
      expect(!known || served.emplace(facts.pool, facts.generation).second,
             who + " is not the only one of its generation");
      expect(facts.pid >= 0 && sound(facts.boot_timeout) && sound(facts.started) && sound(facts.ready_at),
             who + " has an impossible value");
      const bool endless = record.state == TemplateState::killing || record.state == TemplateState::ready;
      if (!endless) limited_templates_.insert(facts.launch);
    }
  }

  void jobs() {
    for (const JobRecord& record : snapshot_.jobs) {
      const JobId id = record.job.id;
      const std::string who = "job " + std::to_string(id);
      expect(jobs_.emplace(id, &record.job).second, who + " is there twice");
      expect(id >= 1 && id < snapshot_.next_job, who + " was never opened");
      const bool runs = record.job.state == JobState::running;
      expect(runs != record.finished.has_value() && sound(record.finished), who + " has an impossible end");
      expect(!runs || carried(record.job.kind), who + " cannot be under way in an upgrade");
    }
  }

  static bool carried(JobKind kind) {
    switch (kind) {
      case JobKind::scale:
      case JobKind::upgrade:
      case JobKind::worker_restart:
      case JobKind::worker_kill:
      case JobKind::reopen:
        return true;
      case JobKind::stop:
      case JobKind::reload:
      case JobKind::rollback:
      case JobKind::refork:
      case JobKind::restart:
        break;
    }
    return false;
  }

  bool runs(JobId id, JobKind kind) const {
    const auto job = jobs_.find(id);
    return job != jobs_.end() && job->second->kind == kind && job->second->state == JobState::running;
  }

  void exits() {
    for (const ExitRecord& exit : snapshot_.exits) {
      expect(exit.pool < snapshot_.pools.size(), "workers of no pool have ended");
    }
  }

  void scales() {
    expect(snapshot_.scales.size() == snapshot_.pools.size(), "it has not one scale for each pool");
    for (const ScaleRecord& scale : snapshot_.scales) {
      expect(scale.job == 0 || runs(scale.job, JobKind::scale), "a pool is scaled by no job");
    }
  }

  void worker_jobs() {
    for (const WorkerJobRecord& record : snapshot_.worker_jobs) {
      const std::string who = "job " + std::to_string(record.job);
      expect(runs(record.job, JobKind::worker_restart) || runs(record.job, JobKind::worker_kill),
             who + " is about a worker and does not run");
      expect(launches_.contains(record.worker), who + " is about no worker");
    }
  }

  void upgrade() {
    const JobId job = snapshot_.upgrade.job;
    expect(job == 0 || runs(job, JobKind::upgrade), "it is upgraded by no job");
  }

  void bake() {
    expect(sound(snapshot_.bake.until), "a test has an impossible end");
    for (const ConductRecord& record : snapshot_.bake.conducts) {
      expect(record.gone.crashes >= 0 && record.gone.timeouts >= 0 && sound(record.gone.served),
             "generation " + std::to_string(record.generation) + " has an impossible conduct");
    }
  }

  bool lives(const TimerOwner& owner) const {
    switch (owner.kind) {
      case TimerOwner::Kind::worker:
        return limited_.contains(owner.id);
      case TimerOwner::Kind::template_process:
        return limited_templates_.contains(owner.id);
      case TimerOwner::Kind::pool:
      case TimerOwner::Kind::calm:
        return owner.id < snapshot_.pools.size();
      case TimerOwner::Kind::watch:
        return owner.id == 0;
      case TimerOwner::Kind::look:
        return overdue_.contains(owner.id);
      case TimerOwner::Kind::upgrade:
        return owner.id == 0 && snapshot_.upgrade.job != 0;
      case TimerOwner::Kind::bake:
        return owner.id == 0 && snapshot_.bake.until.has_value();
      case TimerOwner::Kind::watchdog:
        return owner.id == 0 && snapshot_.watchdog > Duration::zero();
      case TimerOwner::Kind::stop:
        return false;
    }
    return false;
  }

  void timers() {
    expect(sound(snapshot_.watchdog), "the watchdog has an impossible limit");
    for (const TimerRecord& timer : snapshot_.timers) {
      expect(lives(timer.owner), "a timer belongs to nobody");
      expect(sound(timer.when), "a timer has an impossible time");
    }
  }

  const Snapshot& snapshot_;
  std::string fault_;
  std::vector<std::set<Generation>> generations_;  // by pool
  std::set<LaunchId> launches_;
  std::set<LaunchId> limited_;  // whose state may last only so long
  std::set<LaunchId> overdue_;
  std::set<LaunchId> limited_templates_;
  std::map<JobId, const JobView*> jobs_;
};

}  // namespace

std::string wrong_with(const Snapshot& snapshot) {
  return Examination(snapshot).run();
}

}  // namespace gserve::core
