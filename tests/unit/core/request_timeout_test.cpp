// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

TEST(RequestTimeout, AbortsAWorkerWhoseRequestIsOverdue) {
  World world(one_pool(2));
  world.start_ready();
  world.pass(10s);
  world.workers.at(1).request_start = world.now;
  world.pass(30s - 1ns);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.pass(1ns);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].launch, 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
  EXPECT_TRUE(
      world.logged(LogLevel::critical,
                   "WORKER TIMEOUT (pid:1001): \"GET /slow HTTP/1.1\" has run for 30 s (timeout 30 s)"));
  EXPECT_EQ(world.broken, "");
}

TEST(RequestTimeout, KillsAfterOneSecondAndReplacesAtTheExit) {
  World world(one_pool(2));
  world.start_ready();
  world.workers.at(1).request_start = world.now;
  world.pass(30s);
  EXPECT_TRUE(world.got<Spawn>().empty());
  world.pass(1s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
  world.kill(1);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(RequestTimeout, SparesAWorkerWhoseRequestHasJustEnded) {
  World world(one_pool(1));
  world.start_ready();
  world.pass(29s);
  world.workers.at(1).request_start = world.now;
  world.pass(30s - 1ms);
  world.workers.at(1).request_start = world.now;
  world.pass(10s);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

TEST(RequestTimeout, WakesAnIdleSupervisorOncePerTimeoutForAllWorkers) {
  World world(one_pool(8));
  world.start();
  for (LaunchId launch = 1; launch <= 8; ++launch) {
    world.pass(100ms);
    world.ready(launch);
  }
  world.pass(30s);
  int wake_ups = 0;
  const TimePoint end = world.now + 300s;
  for (; *world.supervisor.next_deadline() <= end; ++wake_ups) {
    world.pass(world.until_deadline());
    EXPECT_EQ(world.got<SampleScoreboard>().size(), 8U);
  }
  EXPECT_EQ(wake_ups, 10);
}

TEST(RequestTimeout, IsNotWatchedForWhileNobodyIsReady) {
  SupervisorConfig config = one_pool(1);
  config.pools[0].boot_timeout = 0s;
  World world(config);
  world.start_ready();
  world.kill(1);
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
}

TEST(RequestTimeout, IsOffWhenItIsZero) {
  SupervisorConfig config = one_pool(1);
  config.pools[0].timeout = 0s;
  World world(config);
  world.start_ready();
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
  world.send(ScoreboardSampled{1, world.now - 1000s, "GET / HTTP/1.1", 1});
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

TEST(RequestTimeout, LeavesDrainingWorkersToTheirDrainLimit) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(1);
  world.send(ScoreboardSampled{1, world.now - 1000s, "GET / HTTP/1.1", 1});
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

}  // namespace
}  // namespace gserve::core::testing
