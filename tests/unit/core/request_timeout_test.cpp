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

/// Two ready workers; the first has a request that is overdue now and one that began this moment.
void hang_beside_another(World& world) {
  world.start_ready();
  world.workers.at(1).request_start = world.now;
  world.pass(30s - 1ns);
  world.workers.at(1).other_start = world.now;
  world.pass(1ns);
}

TEST(RequestTimeout, ReplacesAWorkerWithOtherRequestsFirst) {
  World world(one_pool(2));
  hang_beside_another(world);
  EXPECT_TRUE(world.logged(
      LogLevel::critical,
      "has run for 30 s (timeout 30 s); other requests in flight: 1; it is replaced first, then drained"));
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_EQ(world.supervisor.status().workers[0].due, "timeout");
  world.ready(3);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGTERM);
  EXPECT_EQ(world.broken, "");
}

TEST(RequestTimeout, AbortsItAsSoonAsOnlyOverdueRequestsAreLeft) {
  for (const bool replaced : {false, true}) {
    World world(one_pool(2));
    hang_beside_another(world);
    if (replaced) world.ready(3);
    world.pass(5s);
    EXPECT_TRUE(world.got<SignalWorker>().empty());
    world.workers.at(1).other_start.reset();
    world.pass(1s);
    ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
    EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
    EXPECT_TRUE(world.logged(LogLevel::critical, "has run for 36 s (timeout 30 s)"));
    world.pass(1s);
    ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
    EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
    world.kill(1);
    world.all_ready();
    EXPECT_EQ(world.count_ready("web"), 2);
    EXPECT_EQ(world.spawns, 3);
    EXPECT_EQ(world.broken, "");
  }
}

TEST(RequestTimeout, AbortsItWhenTheOthersAreOverdueToo) {
  World world(one_pool(1));
  hang_beside_another(world);
  world.pass(29s);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.pass(1s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
}

TEST(RequestTimeout, AbortsAtTheDrainLimitAndKillsASecondLater) {
  SupervisorConfig config = one_pool(1);
  config.pools[0].graceful_timeout = 10s;
  World world(config);
  hang_beside_another(world);
  world.ready(world.launches().back());
  world.pass(10s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
  EXPECT_TRUE(world.logged(LogLevel::warning, "worker has not drained within 10 s; aborting it"));
  world.pass(1s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
  EXPECT_EQ(world.broken, "");
}

TEST(RequestTimeout, DoesNotWaitForAReplacementForEver) {
  SupervisorConfig config = one_pool(1);
  config.pools[0].graceful_timeout = 10s;
  config.pools[0].boot_timeout = 0s;
  World world(config);
  hang_beside_another(world);
  world.pass(10s - 1ns);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.pass(1s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGTERM);
  EXPECT_TRUE(world.logged(LogLevel::warning, "no replacement was ready within 10 s"));
  world.pass(11s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 2U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
  EXPECT_EQ(world.got<SignalWorker>()[1].signal, SIGKILL);
  EXPECT_EQ(world.broken, "");
}

TEST(RequestTimeout, StopsLookingWhenTheRequestEndsAfterAll) {
  World world(one_pool(1));
  hang_beside_another(world);
  world.workers.at(1).request_start = world.workers.at(1).other_start;
  world.workers.at(1).other_start.reset();
  world.pass(1s);
  EXPECT_EQ(world.got<SampleScoreboard>().size(), 1U);
  world.pass(5s);
  EXPECT_TRUE(world.got<SampleScoreboard>().empty());
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

TEST(RequestTimeout, IsNamedAsTheReasonOfTheEnd) {
  World world(one_pool(1));
  hang_beside_another(world);
  world.ready(world.launches().back());
  world.workers.at(1).other_start.reset();
  world.pass(1s);
  world.exit(1, {ExitStatus::Kind::signalled, SIGABRT});
  EXPECT_TRUE(world.logged(LogLevel::warning, "worker exited: killed by SIGABRT after its timeout"));
}

TEST(RequestTimeout, LeavesTheEndToAStop) {
  World world(one_pool(1));
  hang_beside_another(world);
  world.stop();
  world.pass(30s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 2U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
  EXPECT_EQ(world.broken, "");
}

}  // namespace
}  // namespace gserve::core::testing
