// SPDX-License-Identifier: MIT
#include "supervisor/core/bake.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace gserve::core {
namespace {

constexpr TimerOwner kTimer{TimerOwner::Kind::bake};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double per_second(int count, const Conduct& conduct) {
  return count / std::max(seconds(conduct.served), 1.0);
}

double share(const Conduct& conduct) {
  return conduct.requests == 0 ? 0
                               : static_cast<double>(conduct.errors) / static_cast<double>(conduct.requests);
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

/// "12 crashes in 30 s of service".
std::string failures(int count, const char* what, const Conduct& conduct) {
  return std::to_string(count) + ' ' + what + " in " + describe(conduct.served) + " of service";
}

std::string errors(const Conduct& conduct) {
  return percent(share(conduct)) + " of " + std::to_string(conduct.requests) + " responses were 5xx";
}

bool fails_more(int fresh_count, const Conduct& fresh, int count, const Conduct& before, double factor) {
  return fresh_count > Bake::kToleratedFailures &&
         per_second(fresh_count, fresh) > factor * per_second(count, before);
}

bool errs_more(const Conduct& fresh, const Conduct& before, double factor) {
  return fresh.errors >= Bake::kFewestErrors &&
         share(fresh) > factor * std::max(share(before), Bake::kLeastShare);
}

}  // namespace

std::string comparison(const Conduct& fresh, const Conduct& before, double factor) {
  if (fails_more(fresh.crashes, fresh, before.crashes, before, factor)) {
    return failures(fresh.crashes, "crashes", fresh) +
           " (before: " + failures(before.crashes, "crashes", before) + ')';
  }
  if (fails_more(fresh.timeouts, fresh, before.timeouts, before, factor)) {
    return failures(fresh.timeouts, "timeouts", fresh) +
           " (before: " + failures(before.timeouts, "timeouts", before) + ')';
  }
  if (errs_more(fresh, before, factor)) return errors(fresh) + " (before: " + errors(before) + ')';
  return "";
}

void Bake::restore(const BakeRecord& record) {
  until_ = record.until;
  rolled_back_ = record.rolled_back;
  for (const ConductRecord& each : record.conducts) gone_[each.generation] = each.gone;
}

BakeRecord Bake::record() const {
  BakeRecord record{until_, {}, rolled_back_};
  for (const auto& [generation, gone] : gone_) record.conducts.push_back({generation, gone});
  return record;
}

void Bake::on_deployed(TimePoint now) {
  rolled_back_.clear();
  end();
  const auto& pools = workforce_.pools();
  std::erase_if(gone_, [&](const auto& entry) { return !pools.front().knows(entry.first); });
  Duration longest{};
  for (const WorkerPool& pool : pools) longest = std::max(longest, pool.current_config().bake);
  if (longest == Duration::zero()) return;
  until_ = now + longest;
  timers_.arm(kTimer, std::min(now + kInterval, *until_));
}

void Bake::on_restored() {
  rolled_back_ = std::exchange(verdict_, "");
  end();
}

void Bake::end() {
  until_.reset();
  timers_.disarm(kTimer);
}

void Bake::on_gone(const WorkerHandle& worker, bool crashed, bool overdue, TimePoint now) {
  Conduct& conduct = gone_[worker.generation];
  conduct.requests += worker.requests;
  conduct.errors += worker.errors;
  conduct.crashes += crashed ? 1 : 0;
  conduct.timeouts += overdue ? 1 : 0;
  conduct.served += worker.served(now);
}

void Bake::on_due(Generation current, TimePoint now) {
  if (!until_) return;
  if (now >= *until_) {
    outbox_.log(LogLevel::info, "generation " + std::to_string(current) + " has stood its test");
    return end();
  }
  for (const WorkerPool& pool : workforce_.pools()) {
    for (const LaunchId launch : pool.current().ready) outbox_.push(SampleScoreboard{launch});
    if (!pool.kept()) continue;
    for (const LaunchId launch : pool.cohorts().at(*pool.kept()).spares)
      outbox_.push(SampleScoreboard{launch});
  }
  timers_.arm(kTimer, std::min(now + kInterval, *until_));
}

std::optional<std::string> Bake::verdict(Generation current, TimePoint now) {
  const WorkerPool& pool = workforce_.pools().front();
  if (!until_ || !pool.kept()) return std::nullopt;
  const std::string fault =
      comparison(conduct(current, now), conduct(*pool.kept(), now), pool.current_config().bake_factor);
  if (fault.empty()) return std::nullopt;
  end();
  verdict_ = "generation " + std::to_string(current) + " is worse than generation " +
             std::to_string(*pool.kept()) + ": " + fault;
  return verdict_;
}

Conduct Bake::conduct(Generation generation, TimePoint now) const {
  const auto found = gone_.find(generation);
  Conduct sum = found == gone_.end() ? Conduct{} : found->second;
  for (const WorkerHandle* worker : std::as_const(workforce_).in_order()) {
    if (worker->generation != generation) continue;
    sum.requests += worker->requests;
    sum.errors += worker->errors;
    sum.served += worker->served(now);
  }
  return sum;
}

}  // namespace gserve::core
