// SPDX-License-Identifier: MIT
// A fleet of 10,000 workers under storms of crashes: nothing starts thundering.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "supervisor/core/supervisor.h"

namespace gserve::core {
namespace {

using namespace std::chrono_literals;

constexpr int kWorkers = 10'000;
constexpr ExitStatus kKilled{ExitStatus::Kind::signalled, 9};

/// The fleet in simulated time. Leaner than World, which examines everything after each event.
class Fleet {
 public:
  explicit Fleet(std::uint64_t seed) : supervisor_(config(), seed) { handle(Started{}); }

  /// From now on a worker is ready `boot` after its start and dies `life` after that; 0: it stays.
  void behave(Duration boot, Duration life) {
    boot_ = boot;
    life_ = life;
  }
  void pass(Duration duration) {
    for (const TimePoint end = now_ + duration; step(end);) {
    }
  }
  void kill_all() {
    const std::vector<LaunchId> all = alive();
    for (const LaunchId launch : all) handle(WorkerExited{launch, kKilled});
  }

  int ready() const { return supervisor_.status().ready; }
  TimePoint now() const { return now_; }
  /// Of the starts since `since`, the most within one second.
  int most_starts_in_a_second(TimePoint since) const {
    int most = 0;
    auto first = std::lower_bound(starts_.begin(), starts_.end(), since);
    for (auto last = first; last != starts_.end(); ++last) {
      while (*last - *first >= 1s) ++first;
      most = std::max(most, static_cast<int>(last - first) + 1);
    }
    return most;
  }
  int starts(TimePoint since) const {
    return static_cast<int>(starts_.end() - std::lower_bound(starts_.begin(), starts_.end(), since));
  }
  TimePoint last_start() const { return starts_.back(); }

 private:
  static SupervisorConfig config() {
    SupervisorConfig config;
    config.pools.front().workers = kWorkers;
    config.pools.front().timeout = 0s;
    return config;
  }

  std::vector<LaunchId> alive() const {
    std::vector<LaunchId> found;
    for (const WorkerView& worker : supervisor_.status().workers) found.push_back(worker.launch);
    return found;
  }

  /// The next thing that happens before `end`; false if nothing does.
  bool step(TimePoint end) {
    const auto deadline = supervisor_.next_deadline();
    const bool of_worker = !plans_.empty() && (!deadline || plans_.begin()->first <= *deadline);
    const TimePoint next = of_worker ? plans_.begin()->first : deadline.value_or(TimePoint::max());
    now_ = std::max(now_, std::min(next, end));
    if (next > end) return false;
    if (!of_worker) {
      handle(TimePassed{});
      return true;
    }
    const Event event = plans_.extract(plans_.begin()).mapped();
    handle(event);
    if (const auto* ready = std::get_if<WorkerReady>(&event); ready != nullptr && life_ > 0s) {
      plans_.emplace(now_ + life_, WorkerExited{ready->launch, kKilled});
    }
    return true;
  }

  void handle(const Event& event) {
    std::deque<Event> queue{event};
    for (; !queue.empty(); queue.pop_front()) {
      for (const Action& action : supervisor_.handle(queue.front(), now_)) {
        const auto* spawn = std::get_if<Spawn>(&action);
        if (spawn == nullptr) continue;
        starts_.push_back(now_);
        queue.push_back(WorkerSpawned{spawn->launch, static_cast<Pid>(spawn->launch)});
        plans_.emplace(now_ + boot_, WorkerReady{spawn->launch});
      }
    }
  }

  TimePoint now_ = TimePoint{} + 1000s;
  Duration boot_ = 500ms;
  Duration life_ = 0s;
  Supervisor supervisor_;
  std::multimap<TimePoint, Event> plans_;
  std::vector<TimePoint> starts_;
};

TEST(Fleet, IsWholeAgainSoonAfterAllHaveDiedAtOnce) {
  Fleet fleet(1);
  fleet.pass(10s);
  ASSERT_EQ(fleet.ready(), kWorkers);
  const TimePoint storm = fleet.now();
  fleet.kill_all();
  fleet.pass(20s);
  EXPECT_EQ(fleet.ready(), kWorkers);
  EXPECT_EQ(fleet.starts(storm), kWorkers);
  // 1, 2, 4 ... 4096 and the rest, a wave every half second: the two largest fall into one second.
  EXPECT_LE(fleet.most_starts_in_a_second(storm), 3 * kWorkers / 4);
  EXPECT_GE(fleet.last_start() - storm, 6s) << "it did not start slowly";
}

TEST(Fleet, NeverThundersWhileItsWorkersKeepDying) {
  Fleet fleet(2);
  fleet.pass(10s);
  fleet.behave(500ms, 100ms);
  const TimePoint storm = fleet.now();
  fleet.kill_all();
  fleet.pass(10min);
  // Workers live for less than a boot takes: one starts, makes room for two more and dies.
  EXPECT_LE(fleet.most_starts_in_a_second(storm + 1s), 8);
  EXPECT_LE(fleet.starts(storm + 1min), 4 * 600 / 24);
  EXPECT_GE(fleet.starts(storm + 1min), 600 / 30) << "it goes on trying";
  fleet.behave(500ms, 0s);
  fleet.pass(2min);
  EXPECT_EQ(fleet.ready(), kWorkers);
}

TEST(Fleet, IsNotInStepWithAnotherOne) {
  Fleet one(3);
  Fleet other(4);
  for (Fleet* fleet : {&one, &other}) {
    fleet->pass(10s);
    fleet->behave(500ms, 1ms);
    fleet->kill_all();
    fleet->pass(3min);
  }
  EXPECT_NE(one.last_start(), other.last_start());
}

}  // namespace
}  // namespace gserve::core
