// SPDX-License-Identifier: MIT
#include "supervisor/core/snapshot.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

TEST(Snapshot, IsNotTakenDuringAReloadOrAStop) {
  World world(one_pool(1));
  world.start_ready();
  EXPECT_TRUE(world.supervisor.snapshot());
  world.reload(world.configs.at(1));
  EXPECT_FALSE(world.supervisor.snapshot());
  world.stop();
  EXPECT_FALSE(world.supervisor.snapshot());
}

/// A snapshot with something of everything.
Snapshot rich_snapshot() {
  World world(preloaded(2));
  world.start_ready();
  world.scale(3);
  world.hold_loads = true;
  world.upgrade();
  return *world.supervisor.snapshot();
}

struct Damage {
  const char* name;
  std::function<void(Snapshot&)> inflict;
};

TEST(Snapshot, ThatIsUnsoundIsRefusedWithAReason) {
  const TimePoint never = TimePoint::max();
  const std::vector<Damage> damages = {
      {"no pool", [](Snapshot& s) { s.pools.clear(); }},
      {"no generation", [](Snapshot& s) { s.generation = 0; }},
      {"generation of the future", [](Snapshot& s) { s.newest = 0; }},
      {"no current cohort", [](Snapshot& s) { s.pools[0].cohorts[0].generation = 7; }},
      {"cohort twice", [](Snapshot& s) { s.pools[0].cohorts.push_back(s.pools[0].cohorts[0]); }},
      {"target 0", [](Snapshot& s) { s.pools[0].target = 0; }},
      {"timeout", [](Snapshot& s) { s.pools[0].cohorts[0].config.timeout = Duration::max(); }},
      {"gate", [=](Snapshot& s) { s.pools[0].cohorts[0].backoff.gate = never; }},
      {"worker twice", [](Snapshot& s) { s.workers.push_back(s.workers[0]); }},
      {"worker of no pool", [](Snapshot& s) { s.workers[0].facts.pool = 9; }},
      {"worker of no generation", [](Snapshot& s) { s.workers[0].facts.generation = 9; }},
      {"worker of the future", [](Snapshot& s) { s.next_launch = 1; }},
      {"worker without end", [=](Snapshot& s) { s.workers[0].facts.started = never; }},
      {"pid", [](Snapshot& s) { s.workers[0].facts.pid = -1; }},
      {"template twice", [](Snapshot& s) { s.templates.push_back(s.templates[0]); }},
      {"second template",
       [](Snapshot& s) {
         s.templates.push_back(s.templates[0]);
         s.templates[1].facts.launch = s.next_launch++;
       }},
      {"template with a worker's launch", [](Snapshot& s) { s.templates[0].facts.launch = 2; }},
      {"template of no pool", [](Snapshot& s) { s.templates[0].facts.pool = 9; }},
      {"template of no generation", [](Snapshot& s) { s.templates[0].facts.generation = 9; }},
      {"template without end", [=](Snapshot& s) { s.templates[0].facts.started = never; }},
      {"job twice", [](Snapshot& s) { s.jobs.push_back(s.jobs[0]); }},
      {"job of the future", [](Snapshot& s) { s.next_job = 1; }},
      {"job that has not ended", [](Snapshot& s) { s.jobs[0].job.state = JobState::done; }},
      {"running reload", [](Snapshot& s) { s.jobs[0].job.kind = JobKind::reload; }},
      {"scale of no job", [](Snapshot& s) { s.scales[0].job = 2; }},
      {"exits of no pool",
       [](Snapshot& s) {
         s.exits.push_back({7, ExitReason::crash, 1});
       }},
      {"no scale", [](Snapshot& s) { s.scales.clear(); }},
      {"upgrade of no job", [](Snapshot& s) { s.upgrade.job = 1; }},
      {"timer of nobody",
       [](Snapshot& s) {
         s.timers[0].owner = {TimerOwner::Kind::worker, 99};
       }},
      {"timer of a ready worker",
       [](Snapshot& s) {
         s.timers[0].owner = {TimerOwner::Kind::worker, 2};
       }},
      {"timer of a ready template",
       [](Snapshot& s) {
         s.timers[0].owner = {TimerOwner::Kind::template_process, 1};
       }},
      {"timer of no pool",
       [](Snapshot& s) {
         s.timers[0].owner = {TimerOwner::Kind::pool, 1};
       }},
      {"timer of no upgrade",
       [](Snapshot& s) {
         s.timers[0].owner = {TimerOwner::Kind::upgrade};
         s.upgrade = {};
       }},
      {"timer of no watchdog", [](Snapshot& s) { s.timers[0].owner = {TimerOwner::Kind::watchdog}; }},
      {"watchdog without end", [](Snapshot& s) { s.watchdog = Duration::max(); }},
      {"timer without end", [=](Snapshot& s) { s.timers[0].when = never; }},
  };
  EXPECT_EQ(wrong_with(rich_snapshot()), "");
  for (const Damage& damage : damages) {
    Snapshot snapshot = rich_snapshot();
    damage.inflict(snapshot);
    EXPECT_NE(wrong_with(snapshot), "") << damage.name;
  }
}

}  // namespace
}  // namespace gserve::core::testing
