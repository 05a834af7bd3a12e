// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

JobState state_of_last(const World& world) {
  return world.last_job()->state;
}

TEST(Scale, IsDoneWhenTheNewWorkersAreReady) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(4);
  EXPECT_EQ(world.got<Spawn>().size(), 2U);
  EXPECT_EQ(world.supervisor.status().target, 4);
  world.ready(3);
  EXPECT_EQ(world.got<JobProgress>()[0].text, "3/4 workers ready");
  EXPECT_EQ(state_of_last(world), JobState::running);
  world.ready(4);
  EXPECT_EQ(state_of_last(world), JobState::done);
}

TEST(Scale, DownDrainsTheOldestAndIsDoneWhenTheyHaveGone) {
  World world(one_pool(3));
  world.start_ready();
  world.scale(1);
  const auto told = world.got<SignalWorker>();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].launch, 1U);
  EXPECT_EQ(told[1].launch, 2U);
  EXPECT_EQ(told[0].signal, SIGTERM);
  world.exit(1);
  EXPECT_EQ(state_of_last(world), JobState::running);
  world.exit(2);
  EXPECT_EQ(state_of_last(world), JobState::done);
}

TEST(Scale, DownTakesStartingWorkersFirst) {
  World world(one_pool(3));
  world.start();
  world.ready(1);
  world.ready(2);
  world.scale(2);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].launch, 3U);
}

TEST(Scale, DownKeepsToSurgeWhileARollBackIsUnderWay) {
  World world(one_pool(4));
  world.start_ready();
  world.reload(one_pool(4));
  for (const LaunchId launch : {5U, 6U, 7U}) world.ready(launch);
  world.all_told_exit();
  world.kill(4);
  world.exit(8, {ExitStatus::Kind::exited, 3});
  const auto starting_and_ready = [&] { return world.count_boots() + world.count_ready("web"); };
  EXPECT_EQ(starting_and_ready(), 5);
  world.scale(3);
  EXPECT_EQ(world.count_ready("web", 2), 3);
  EXPECT_EQ(starting_and_ready(), 4);
}

TEST(Scale, ByOneUpAndDown) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(+1, true);
  EXPECT_EQ(world.supervisor.status().target, 3);
  world.scale(-1, true);
  EXPECT_EQ(world.supervisor.status().target, 2);
}

TEST(Scale, NeverGoesUnderOne) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(-1, true);
  ASSERT_EQ(world.got<JobRefused>().size(), 1U);
  EXPECT_EQ(world.got<JobRefused>()[0].reason,
            "cannot scale to 0 workers: the number must be from 1 to 10000");
  EXPECT_TRUE(world.logged(LogLevel::warning, "cannot scale to 0 workers"));
  EXPECT_EQ(world.supervisor.status().target, 1);
}

TEST(Scale, RefusesAbsurdNumbersAndUnknownPools) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(10001);
  EXPECT_EQ(world.got<JobRefused>().size(), 1U);
  world.scale(2147483647, true);
  EXPECT_EQ(world.got<JobRefused>().size(), 1U);
  world.scale(2, false, "nowhere");
  ASSERT_EQ(world.got<JobRefused>().size(), 1U);
  EXPECT_EQ(world.got<JobRefused>()[0].reason, "cannot scale: no pool named \"nowhere\"");
}

TEST(Scale, FailsWithTheReasonWhenANewWorkerCannotBoot) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(2);
  world.send(WorkerBootError{2, "ImportError: no app"});
  world.exit(2, {ExitStatus::Kind::exited, 3});
  EXPECT_EQ(state_of_last(world), JobState::failed);
  EXPECT_EQ(world.last_job()->reason, "ImportError: no app");
  EXPECT_EQ(world.supervisor.status().target, 2);
  world.pass(100ms);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Scale, FailsWhenNewWorkersKeepCrashing) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(3);
  for (LaunchId launch = 2; launch <= 4; ++launch) {
    world.ready(launch);
    world.kill(launch);
    world.pass(1s);
  }
  EXPECT_EQ(state_of_last(world), JobState::failed);
  EXPECT_EQ(world.last_job()->reason, "new workers keep crashing: worker (pid 1004) killed by SIGKILL");
}

TEST(Scale, IsSupersededByTheNext) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(3);
  world.scale(2);
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::superseded);
  EXPECT_EQ(world.supervisor.job(2)->state, JobState::running);
}

TEST(Scale, SurvivesAReload) {
  World world(one_pool(2));
  world.obedient = true;
  world.start_ready();
  world.scale(5);
  world.all_ready();
  world.reload(one_pool(2));
  world.all_ready();
  EXPECT_EQ(world.supervisor.status().generation, 2U);
  EXPECT_EQ(world.supervisor.status().target, 5);
  EXPECT_EQ(world.count_ready("web", 2), 5);
}

TEST(Scale, GivesWayToANumberThatIsConfiguredAnew) {
  World world(one_pool(2));
  world.obedient = true;
  world.start_ready();
  world.scale(5);
  world.all_ready();
  world.reload(one_pool(3));
  world.all_ready();
  EXPECT_EQ(world.supervisor.status().target, 3);
  EXPECT_EQ(world.count_ready("web"), 3);
}

TEST(Scale, TakesEffectWhileAReloadRuns) {
  World world(one_pool(2));
  world.obedient = true;
  world.start_ready();
  world.reload(one_pool(2));
  world.scale(4);
  world.all_ready();
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::done);
  EXPECT_EQ(world.supervisor.job(2)->state, JobState::done);
  EXPECT_EQ(world.count_ready("web", 2), 4);
  EXPECT_EQ(world.broken, "");
}

TEST(Scale, AsItIsAlreadyIsDoneAtOnce) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(2);
  EXPECT_EQ(state_of_last(world), JobState::done);
}

}  // namespace
}  // namespace gserve::core::testing
