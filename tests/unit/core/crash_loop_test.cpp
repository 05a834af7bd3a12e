// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

constexpr ExitStatus kBootFailed{ExitStatus::Kind::exited, 3};

PoolView pool(const World& world) {
  return world.supervisor.status().pools.front();
}

/// Lets the first worker, and each one that follows, die in boot.
void fail_boots(World& world, int times) {
  for (int i = 0; i < times; ++i) {
    if (world.count_boots() == 0) world.pass(world.until_deadline());
    const LaunchId launch = world.launches().back();
    world.send(WorkerBootError{launch, "Traceback:\n  ...\nImportError: no module named app\n"});
    world.exit(launch, kBootFailed);
  }
}

TEST(CrashLoop, ShowsTheLastReasonTheFailuresAndTheNextStart) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  EXPECT_FALSE(pool(world).crash_looping);
  EXPECT_EQ(pool(world).failures, 1);
  EXPECT_EQ(pool(world).last_failure, "killed by SIGKILL");
  EXPECT_EQ(pool(world).next_start, std::nullopt);
  fail_boots(world, 2);
  EXPECT_TRUE(pool(world).crash_looping);
  EXPECT_EQ(pool(world).failures, 3);
  EXPECT_EQ(pool(world).last_failure,
            "exited with code 3 before it was ready: ImportError: no module named app");
  EXPECT_EQ(pool(world).next_start, world.supervisor.next_deadline());
  EXPECT_TRUE(world.logged(LogLevel::error, "workers keep dying (crash loop)"));
  EXPECT_EQ(world.got<NotifyStatus>().back().status, "0/1 workers ready, generation 1, crash-looping");
}

TEST(CrashLoop, IsSaidOnce) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  fail_boots(world, 3);
  EXPECT_FALSE(world.logged(LogLevel::error, "workers keep dying (crash loop)"));
}

TEST(CrashLoop, NamesWhatCouldNotBeStarted) {
  World world(one_pool(1));
  world.fail_spawns = true;
  world.start();
  EXPECT_EQ(pool(world).last_failure, "could not be started: no memory");
}

TEST(CrashLoop, NamesAMissedBootTimeoutAndWorkersThatLeaveAtOnce) {
  World world(one_pool(2));
  world.start();
  world.ready(1);
  world.stopping(1);
  EXPECT_EQ(pool(world).last_failure, "left by itself as soon as it was ready");
  world.pass(60s);
  world.kill(2);
  EXPECT_EQ(pool(world).last_failure, "was not ready within 60 s (boot_timeout)");
}

TEST(CrashLoop, IsHealedBySixtySecondsOfCalm) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  fail_boots(world, 2);
  world.pass(10s);
  world.all_ready();
  world.pass(60s - 1ns);
  EXPECT_TRUE(pool(world).crash_looping);
  world.pass(1ns);
  EXPECT_FALSE(pool(world).crash_looping);
  EXPECT_EQ(pool(world).failures, 0);
  EXPECT_TRUE(world.logged(LogLevel::info, "workers are stable again: none has failed for 60 s"));
  EXPECT_EQ(world.broken, "");
}

TEST(CrashLoop, IsHealedByAGoodReload) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  fail_boots(world, 4);
  EXPECT_TRUE(pool(world).crash_looping);
  world.reload(one_pool(1));
  world.all_ready();
  EXPECT_EQ(world.last_job()->state, JobState::done);
  EXPECT_FALSE(pool(world).crash_looping);
  EXPECT_EQ(pool(world).last_failure, "");
  EXPECT_EQ(world.broken, "");
}

/// Workers that all fail in one way, at once, for ten minutes: after the first attempts at most one incident
/// per 24 s (30 s less the jitter), and an incident starts at most `workers` of them.
void expect_no_spinning(int workers, const std::function<void(World&, LaunchId)>& fail) {
  World world(one_pool(workers));
  world.start_ready();
  const TimePoint end = world.now + 10min;
  const int most = workers * (10 + 600 / 24);
  while (world.now < end && world.broken.empty() && world.spawns <= most) {
    if (world.workers.empty()) {
      world.pass(world.until_deadline());
    } else {
      fail(world, world.launches().front());
    }
  }
  EXPECT_EQ(world.broken, "");
  EXPECT_LE(world.spawns, most);
  EXPECT_GE(world.spawns, 600 / 30);
}

TEST(CrashLoop, NeverSpinsWhenWorkersDieInBoot) {
  for (const int workers : {1, 4}) {
    expect_no_spinning(workers, [](World& world, LaunchId launch) { world.exit(launch, kBootFailed); });
  }
}

TEST(CrashLoop, NeverSpinsWhenWorkersDieAsSoonAsTheyAreReady) {
  for (const int workers : {1, 4}) {
    expect_no_spinning(workers, [](World& world, LaunchId launch) {
      if (world.worker(launch).boots()) world.ready(launch);
      world.kill(launch);
    });
  }
}

TEST(CrashLoop, NeverSpinsWhenWorkersLeaveAsSoonAsTheyAreReady) {
  for (const int workers : {1, 4}) {
    expect_no_spinning(workers, [](World& world, LaunchId launch) {
      if (world.worker(launch).boots()) world.ready(launch);
      world.stopping(launch);
      world.exit(launch);
    });
  }
}

TEST(CrashLoop, NeverSpinsWhenNothingCanBeStarted) {
  World world(one_pool(4));
  world.fail_spawns = true;
  world.start();
  world.pass(10min);
  EXPECT_EQ(world.broken, "");
  EXPECT_LE(world.spawns, 4 * (10 + 600 / 24));
}

}  // namespace
}  // namespace gserve::core::testing
