// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

constexpr ExitStatus exited(int code) {
  return {ExitStatus::Kind::exited, code};
}

class ReloadTest : public ::testing::Test {
 protected:
  explicit ReloadTest(int workers = 3) : world_(one_pool(workers)) { world_.start_ready(); }
  ~ReloadTest() override { EXPECT_EQ(world_.broken, ""); }

  JobState state() const { return world_.last_job()->state; }
  std::string reason() const { return world_.last_job()->reason; }
  LaunchId newest() const { return world_.launches().back(); }

  World world_;
};

TEST_F(ReloadTest, StartsOneCanaryFirst) {
  world_.reload(one_pool(3));
  EXPECT_EQ(world_.got<NotifyReloading>().size(), 1U);
  ASSERT_EQ(world_.got<AdoptConfig>().size(), 1U);
  EXPECT_EQ(world_.got<AdoptConfig>()[0].generation, 2U);
  ASSERT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(world_.got<Spawn>()[0].generation, 2U);
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  EXPECT_EQ(world_.supervisor.status().state, SupervisorState::reloading);
  EXPECT_EQ(world_.supervisor.status().generation, 1U);
}

TEST_F(ReloadTest, DrainsAnOldWorkerForEachNewOneThatIsReady) {
  world_.reload(one_pool(3));
  for (int i = 1; i < 3; ++i) {
    world_.ready(newest());
    ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
    EXPECT_EQ(world_.got<SignalWorker>()[0].launch, static_cast<LaunchId>(i));
    EXPECT_EQ(world_.got<Spawn>().size(), 1U);
    EXPECT_EQ(world_.got<JobProgress>()[0].text, std::to_string(i) + "/3 workers of generation 2 ready");
    EXPECT_EQ(world_.count_ready("web"), 3);
  }
  world_.ready(newest());
  EXPECT_EQ(world_.supervisor.status().generation, 2U);
}

TEST_F(ReloadTest, IsDoneWhenTheOldWorkersHaveGone) {
  world_.reload(one_pool(3));
  world_.all_ready();
  EXPECT_EQ(state(), JobState::running);
  EXPECT_EQ(world_.last_job()->progress, "3 old workers drain");
  world_.all_told_exit();
  EXPECT_EQ(state(), JobState::done);
  EXPECT_EQ(world_.got<NotifyReady>().size(), 1U);
  EXPECT_TRUE(world_.got<ForgetGeneration>().empty());  // a roll-back may want it
  EXPECT_EQ(world_.supervisor.status().state, SupervisorState::running);
}

TEST_F(ReloadTest, TouchesNothingWhenTheConfigurationIsBad) {
  world_.rejection = "workers: must be at least 1";
  world_.reload(std::nullopt);
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(reason(), "workers: must be at least 1");
  EXPECT_TRUE(world_.got<Spawn>().empty());
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  EXPECT_EQ(world_.got<NotifyReady>().size(), 1U);
}

TEST_F(ReloadTest, RefusesOtherPools) {
  SupervisorConfig other = one_pool(3);
  other.pools.push_back({.name = "api"});
  world_.reload(other);
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_TRUE(world_.got<AdoptConfig>().empty());
}

TEST_F(ReloadTest, FailsWithTheTracebackWhenTheCanaryCannotBoot) {
  world_.reload(one_pool(3));
  world_.send(WorkerBootError{4, "Traceback: SyntaxError"});
  world_.exit(4, exited(3));
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(reason(), "Traceback: SyntaxError");
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  EXPECT_TRUE(world_.got<Spawn>().empty());
  EXPECT_EQ(world_.count_ready("web", 1), 3);
  EXPECT_EQ(world_.supervisor.status().generation, 1U);
  ASSERT_EQ(world_.got<ForgetGeneration>().size(), 1U);
  EXPECT_EQ(world_.got<ForgetGeneration>()[0].generation, 2U);
}

TEST_F(ReloadTest, NamesTheExitWhenTheCanarySaidNothing) {
  world_.reload(one_pool(3));
  world_.kill(4);
  EXPECT_EQ(reason(), "worker (pid 1004) killed by SIGKILL before it was ready");
}

TEST_F(ReloadTest, CountsTheBootTimeoutToo) {
  world_.reload(one_pool(3));
  world_.pass(60s);
  world_.exit(4, {ExitStatus::Kind::signalled, SIGABRT});
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(reason(), "worker (pid 1004) was not ready within 60 s (boot_timeout)");
}

TEST_F(ReloadTest, FailsWhenTheCanaryCannotBeStarted) {
  world_.fail_spawns = true;
  world_.reload(one_pool(3));
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(reason(), "cannot start a worker: no memory");
  EXPECT_EQ(world_.count_ready("web", 1), 3);
}

TEST_F(ReloadTest, RollsBackWithoutLosingCapacity) {
  world_.reload(one_pool(3));
  world_.ready(4);
  world_.ready(5);
  world_.all_told_exit();
  EXPECT_EQ(world_.count_ready("web", 2), 2);
  world_.exit(6, exited(3));
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(world_.supervisor.status().generation, 1U);
  EXPECT_TRUE(world_.got<SignalWorker>().empty()) << "the new ones serve until old ones are back";
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(world_.count_ready("web", 1), 3);
  EXPECT_EQ(world_.workers.size(), 3U);
}

TEST_F(ReloadTest, IsSupersededByTheNext) {
  world_.obedient = true;
  world_.reload(one_pool(3));
  world_.reload(one_pool(3));
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::superseded);
  world_.all_ready();
  EXPECT_EQ(state(), JobState::done);
  EXPECT_EQ(world_.supervisor.status().generation, 3U);
  EXPECT_EQ(world_.count_ready("web", 3), 3);
}

TEST_F(ReloadTest, IgnoresAConfigurationThatComesTooLate) {
  world_.hold_loads = true;
  world_.reload(one_pool(3));
  world_.reload(std::nullopt);
  world_.release();
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_EQ(world_.supervisor.status().generation, 1U);
  EXPECT_EQ(world_.spawns, 3);
}

TEST_F(ReloadTest, ReplacesOldWorkersThatCrashMeanwhile) {
  world_.reload(one_pool(3));
  world_.kill(1);
  ASSERT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(world_.got<Spawn>()[0].generation, 1U);
}

TEST_F(ReloadTest, ToleratesFewCrashesOfReadyWorkersOnly) {
  world_.reload(one_pool(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(state(), JobState::running);
    const LaunchId launch = newest();
    world_.ready(launch);
    world_.kill(launch);
    world_.pass(1s);
  }
  EXPECT_EQ(state(), JobState::failed);
  EXPECT_NE(reason().find("keep crashing"), std::string::npos);
}

TEST_F(ReloadTest, IsNotHeldUpByTheOldGenerationsBackOff) {
  World world(one_pool(1));
  world.start();
  world.kill(1);
  world.reload(one_pool(1));
  ASSERT_EQ(world.got<Spawn>().size(), 1U);
  EXPECT_EQ(world.got<Spawn>()[0].generation, 2U);
}

TEST_F(ReloadTest, AppliesTheNewNumberOfWorkers) {
  world_.obedient = true;
  world_.reload(one_pool(5));
  world_.all_ready();
  EXPECT_EQ(state(), JobState::done);
  EXPECT_EQ(world_.count_ready("web", 2), 5);
  world_.reload(one_pool(1));
  world_.all_ready();
  EXPECT_EQ(state(), JobState::done);
  EXPECT_EQ(world_.workers.size(), 1U);
}

TEST_F(ReloadTest, WaitsForTheCanariesOfAllPools) {
  SupervisorConfig config = one_pool(2);
  config.pools.push_back({.name = "api", .workers = 1});
  World world(config);
  world.start_ready();
  world.reload(config);
  EXPECT_EQ(world.got<Spawn>().size(), 2U);
  world.ready(4);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.exit(5, exited(3));
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_EQ(world.count_ready("web", 1), 2);
}

}  // namespace
}  // namespace gserve::core::testing
