// SPDX-License-Identifier: MIT
// Workers that are due for replacement: another one is ready before they drain.
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

SupervisorConfig pool_with(int workers, std::uint64_t memory, Duration lifetime) {
  SupervisorConfig config = one_pool(workers);
  config.pools.front().max_worker_memory = memory;
  config.pools.front().max_worker_lifetime = lifetime;
  return config;
}

TEST(Recycle, StartsAReplacementAndDrainsTheOldOneWhenThatIsReady) {
  World world(one_pool(2));
  world.start_ready();
  world.due(1);
  EXPECT_TRUE(world.logged(LogLevel::info, "worker is due for replacement: max_requests"));
  ASSERT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.ready(3);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].launch, 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGTERM);
  EXPECT_TRUE(world.logged(LogLevel::info, "worker replaced (max_requests); told to drain"));
  world.exit(1);
  EXPECT_TRUE(world.got<Spawn>().empty());
  EXPECT_EQ(world.count_ready("web"), 2);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, ShowsWhoIsDueAndWhy) {
  World world(one_pool(1));
  world.start_ready();
  EXPECT_EQ(world.supervisor.status().workers[0].due, "");
  world.due(1);
  EXPECT_EQ(world.supervisor.status().workers[0].due, "max_requests");
  EXPECT_EQ(world.supervisor.status().workers[0].state, WorkerState::ready);
}

TEST(Recycle, ReplacesOneAtATimeAndWaitsForItsEnd) {
  World world(one_pool(3));
  world.start_ready();
  for (const LaunchId launch : {3U, 1U, 2U}) world.due(launch);
  EXPECT_EQ(world.count_boots(), 1);
  world.ready(4);
  EXPECT_TRUE(world.worker(1).told);
  EXPECT_EQ(world.count_boots(), 0);
  world.exit(1);
  EXPECT_EQ(world.count_boots(), 1);
  world.ready(5);
  EXPECT_TRUE(world.worker(2).told);
  world.exit(2);
  world.ready(6);
  EXPECT_TRUE(world.worker(3).told);
  world.exit(3);
  EXPECT_EQ(world.count_boots(), 0);
  EXPECT_EQ(world.spawns, 6);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, CountsAWorkerOnce) {
  World world(one_pool(2));
  world.start_ready();
  world.due(1);
  world.due(1);
  EXPECT_TRUE(world.last.empty());
}

TEST(Recycle, KeepsTheOldWorkerWhenTheReplacementCannotBoot) {
  World world(one_pool(1));
  world.start_ready();
  world.due(1);
  for (LaunchId launch = 2; launch < 6; ++launch) {
    world.exit(launch, {ExitStatus::Kind::exited, 3});
    EXPECT_TRUE(world.logged(LogLevel::error, "; the worker that is due for replacement goes on"));
    EXPECT_TRUE(world.got<SignalWorker>().empty());
    EXPECT_TRUE(world.got<Spawn>().empty());
    world.pass(world.until_deadline());
    EXPECT_EQ(world.got<Spawn>().size(), 1U);
  }
  EXPECT_EQ(world.count_ready("web"), 1);
  EXPECT_TRUE(world.supervisor.status().pools[0].crash_looping);
  world.ready(6);
  EXPECT_TRUE(world.worker(1).told);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, LetsTheReplacementTakeThePlaceOfOneThatCrashedMeanwhile) {
  World world(one_pool(2));
  world.start_ready();
  world.due(1);
  world.kill(2);
  EXPECT_EQ(world.count_boots(), 2);
  world.ready(3);
  EXPECT_FALSE(world.worker(1).told);
  world.ready(4);
  EXPECT_TRUE(world.worker(1).told);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, WaitsWhileAReloadIsOnTrial) {
  World world(one_pool(2));
  world.start_ready();
  world.reload(one_pool(2));
  world.due(1);
  EXPECT_EQ(world.count_boots(), 1);  // the canary
  world.exit(3, {ExitStatus::Kind::exited, 3});
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_EQ(world.count_boots(), 1);  // the replacement
  world.ready(4);
  EXPECT_TRUE(world.worker(1).told);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, GivesWayToAReloadThatBegins) {
  World world(one_pool(2));
  world.start_ready();
  world.due(1);
  world.reload(one_pool(2));
  EXPECT_TRUE(world.worker(3).told);
  world.all_ready();
  world.all_told_exit();
  EXPECT_EQ(world.last_job()->state, JobState::done);
  EXPECT_EQ(world.launches(1).size(), 0U);
  EXPECT_EQ(world.launches(2).size(), 2U);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, LetsTheDueOneGoWhenThePoolIsMadeSmaller) {
  World world(one_pool(3));
  world.start_ready();
  world.due(2);
  world.scale(2);
  EXPECT_TRUE(world.worker(4).told);
  EXPECT_TRUE(world.worker(2).told);
  EXPECT_EQ(world.count_ready("web"), 2);
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, DoesNotHoldUpAScaleJob) {
  World world(one_pool(1));
  world.start_ready();
  world.due(1);
  world.ready(2);
  world.scale(2);
  world.ready(3);
  EXPECT_EQ(world.last_job()->state, JobState::done);
}

TEST(Recycle, IsOverWhenTheWorkerLeavesByItself) {
  World world(one_pool(2));
  world.start_ready();
  world.pass(2s);
  world.due(1);
  world.stopping(1);
  EXPECT_EQ(world.count_boots(), 1);
  world.ready(3);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  EXPECT_EQ(world.broken, "");
}

TEST(Recycle, RemembersWhatIsSaidBeforeReady) {
  World world(one_pool(1));
  world.start();
  world.due(1);
  EXPECT_TRUE(world.got<Spawn>().empty());
  world.ready(1);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Recycle, IsNothingToAWorkerThatDrains) {
  World world(one_pool(1));
  world.start_ready();
  world.stop();
  world.due(1);
  EXPECT_TRUE(world.last.empty());
}

TEST(RecycleLifetime, ReplacesWorkersThatHaveServedForLong) {
  World world(pool_with(2, 0, 1h));
  world.start();
  world.pass(10s);
  world.all_ready();
  world.pass(1h - 1ns);
  EXPECT_EQ(world.spawns, 2);
  world.pass(1ns);
  EXPECT_EQ(world.spawns, 3);
  EXPECT_TRUE(
      world.logged(LogLevel::info, "worker is due for replacement: lifetime (it has served for 3600 s)"));
  EXPECT_EQ(world.supervisor.status().workers[1].due, "lifetime");
  world.eager = world.obedient = true;
  world.ready(3);
  EXPECT_EQ(world.spawns, 4);
  world.pass(10min);
  EXPECT_EQ(world.due_workers().size(), 0U);
  EXPECT_EQ(world.broken, "");
}

TEST(RecycleMemory, ReplacesAWorkerAboveTheLimit) {
  World world(pool_with(2, 512 << 20, 0s));
  world.start_ready();
  world.workers.at(1).rss_bytes = 512 << 20;
  world.workers.at(2).rss_bytes = 600 << 20;
  world.pass(30s);
  ASSERT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world.logged(LogLevel::info,
                           "due for replacement: memory (600 MiB are resident, the limit is 512 MiB)"));
  EXPECT_EQ(world.due_workers(), std::set<LaunchId>{2});
  EXPECT_EQ(world.broken, "");
}

TEST(RecycleMemory, IsLookedAtEveryHalfMinuteWhenThereIsNoTimeout) {
  SupervisorConfig config = pool_with(2, 512 << 20, 0s);
  config.pools.front().timeout = 0s;
  World world(config);
  world.start_ready();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.until_deadline(), 30s);
    world.pass(30s);
    ASSERT_EQ(world.got<SampleScoreboard>().size(), 2U);
    EXPECT_TRUE(world.got<SampleScoreboard>()[0].memory);
  }
}

TEST(RecycleMemory, IsNotAskedForWithoutALimit) {
  World world(one_pool(1));
  world.start_ready();
  world.pass(30s);
  EXPECT_FALSE(world.got<SampleScoreboard>().at(0).memory);
}

}  // namespace
}  // namespace gserve::core::testing
