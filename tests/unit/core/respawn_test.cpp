// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

TEST(Respawn, ReplacesACrashedWorkerAtOnce) {
  World world(one_pool(2));
  world.start_ready();
  world.kill(1);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world.logged(LogLevel::error, "worker exited: killed by SIGKILL"));
}

TEST(Respawn, WaitsAfterTheSecondCrash) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  world.ready(2);
  world.kill(2);
  EXPECT_TRUE(world.got<Spawn>().empty());
  EXPECT_TRUE(world.logged(LogLevel::error, "the next one starts in 0."));
  world.pass(100ms);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Respawn, ReplacesAllWorkersAtOnceThatServedLong) {
  World world(one_pool(4));
  world.start_ready();
  world.pass(60s);
  for (const LaunchId launch : {1U, 2U, 3U, 4U}) world.kill(launch);
  EXPECT_EQ(world.count_boots(), 4);
}

TEST(Respawn, ReplacesAWorkerThatLeavesByItselfWhenItSaysSo) {
  World world(one_pool(2));
  world.start_ready();
  world.pass(2s);
  world.stopping(1);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.exit(1);
  EXPECT_TRUE(world.got<Spawn>().empty());
  EXPECT_TRUE(world.logged(LogLevel::info, "drained"));
}

TEST(Respawn, KeepsToSurgeWhenAllLeaveByThemselves) {
  World world(one_pool(3));
  world.start_ready();
  world.pass(2s);
  for (const LaunchId launch : {1U, 2U, 3U}) world.stopping(launch);
  EXPECT_EQ(world.count_boots(), 1);
  world.exit(1);
  EXPECT_EQ(world.count_boots(), 2);
  world.exit(2);
  EXPECT_EQ(world.count_boots(), 3);
  EXPECT_EQ(world.broken, "");
}

TEST(Respawn, DoesNotCountALeavingWorkerAsACrash) {
  World world(one_pool(1));
  world.start_ready();
  for (LaunchId launch = 1; launch < 20; ++launch) {
    world.pass(2s);
    world.stopping(launch);
    EXPECT_EQ(world.got<Spawn>().size(), 1U);
    world.exit(launch);
    world.all_ready();
  }
}

TEST(Respawn, KillsAWorkerThatLeavesTooSlowly) {
  World world(one_pool(1));
  world.start_ready();
  world.stopping(1);
  world.pass(30s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
  EXPECT_TRUE(world.logged(LogLevel::warning, "has not drained within 30 s"));
}

TEST(Respawn, IgnoresWorkersThatItDoesNotKnow) {
  World world(one_pool(1));
  world.start_ready();
  for (const Event& event : {Event(WorkerReady{77}), Event(WorkerExited{77, {}}), Event(WorkerStopping{77}),
                             Event(WorkerBootError{77, "x"}), Event(WorkerSpawned{77, 9}),
                             Event(WorkerSpawnFailed{77, "x"}), Event(ScoreboardSampled{77, {}, "", 0})}) {
    world.send(event);
    EXPECT_TRUE(world.last.empty());
  }
}

TEST(Respawn, IsNotMovedBySpuriousWakeUps) {
  World world(one_pool(2));
  world.start_ready();
  world.kill(1);
  world.all_ready();
  world.kill(2);
  world.send(TimePassed{});
  EXPECT_TRUE(world.last.empty());
}

}  // namespace
}  // namespace gserve::core::testing
