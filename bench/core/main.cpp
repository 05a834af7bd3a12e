// SPDX-License-Identifier: MIT
// Events per second through Supervisor::handle, best of several rounds: workers of a fleet are spawned,
// become ready, are sampled, fall due, crash and drain. Build with optimization (the release preset) and
// compare on one quiet machine only.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <string>

#include "supervisor/core/supervisor.h"

namespace {

using namespace gserve::core;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 15;
constexpr int kEvents = 200'000;

/// Carries out the actions of a supervisor with workers that obey; counts the events.
class Fleet {
 public:
  explicit Fleet(int workers) : supervisor_(config(workers), 1) { send(Started{}); }

  void run(int events) {
    for (handled_ = 0; handled_ < events;) {
      if (queue_.empty()) next();
      const Event event = std::move(queue_.front());
      queue_.pop_front();
      handle(event);
    }
  }

 private:
  static SupervisorConfig config(int workers) {
    SupervisorConfig config;
    config.pools.front().workers = workers;
    return config;
  }

  void send(const Event& event) {
    queue_.push_back(event);
    while (!queue_.empty()) {
      const Event each = std::move(queue_.front());
      queue_.pop_front();
      handle(each);
    }
  }

  void handle(const Event& event) {
    ++handled_;
    now_ += std::chrono::microseconds(1);
    for (const Action& action : supervisor_.handle(event, now_)) {
      if (const auto* spawn = std::get_if<Spawn>(&action)) {
        queue_.push_back(WorkerSpawned{spawn->launch, static_cast<Pid>(spawn->launch)});
        queue_.push_back(WorkerReady{spawn->launch});
        ready_.push_back(spawn->launch);
      } else if (const auto* order = std::get_if<SignalWorker>(&action)) {
        queue_.push_back(WorkerExited{order->launch, {}});
      } else if (const auto* sample = std::get_if<SampleScoreboard>(&action)) {
        queue_.push_back(ScoreboardSampled{sample->launch, std::nullopt, {}, 0});
      }
    }
  }

  /// What happens all day: a look at everybody, then one worker is replaced and one dies.
  void next() {
    now_ += std::chrono::seconds(61);
    queue_.push_back(TimePassed{});
    queue_.push_back(WorkerDue{take(), "max_requests"});
    queue_.push_back(WorkerExited{take(), {ExitStatus::Kind::signalled, SIGKILL}});
  }

  LaunchId take() {
    const LaunchId launch = ready_.front();
    ready_.pop_front();
    return launch;
  }

  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
  Supervisor supervisor_;
  std::deque<Event> queue_;
  std::deque<LaunchId> ready_;
  int handled_ = 0;
};

double events_per_second(int workers) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    Fleet fleet(workers);
    const auto start = Clock::now();
    fleet.run(kEvents);
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, kEvents / took.count());
  }
  return best;
}

}  // namespace

int main() {
  for (const int workers : {4, 100, 10'000}) {
    std::printf("%6d workers: %10.0f events/s\n", workers, events_per_second(workers));
  }
}
