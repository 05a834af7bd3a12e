// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

std::string reason(const World& world) {
  return world.last_job()->reason;
}

TEST(Upgrade, ChecksTheNewProgramExecutesItAndIsDoneInIt) {
  World world(one_pool(2));
  world.start_ready();
  world.upgrade("/opt/gserve");
  EXPECT_EQ(world.last_job()->state, JobState::done);
  ASSERT_EQ(world.got<CheckUpgrade>().size(), 1U);
  EXPECT_EQ(world.got<CheckUpgrade>().front().binary, "/opt/gserve");
  EXPECT_EQ(world.got<Reexecute>().size(), 1U);
  EXPECT_TRUE(world.got<Spawn>().empty() && world.got<SignalWorker>().empty());
  EXPECT_EQ(world.broken, "");
}

TEST(Upgrade, TellsTheManagerThatItReloadsAndThenThatItIsReady) {
  World world(one_pool(1));
  world.start_ready();
  world.upgrade();
  EXPECT_EQ(world.got<NotifyReloading>().size(), 1U);
  EXPECT_EQ(world.got<NotifyReady>().size(), 1U);
}

TEST(Upgrade, ToAProgramThatCannotTakeOverChangesNothing) {
  World world(one_pool(1));
  world.start_ready();
  world.new_program_fault = "exited with code 1: no such library";
  world.upgrade();
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_EQ(reason(world), "exited with code 1: no such library");
  EXPECT_TRUE(world.got<Reexecute>().empty());
  EXPECT_TRUE(world.got<NotifyReloading>().empty());
  EXPECT_TRUE(world.logged(LogLevel::error, "no such library"));
}

TEST(Upgrade, ThatCannotBeExecutedSaysSoAndTheManagerHearsThatTheServiceIsReady) {
  World world(one_pool(1));
  world.start_ready();
  world.execution_fails = true;
  world.upgrade();
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_EQ(reason(world), "no such file");
  EXPECT_EQ(world.got<NotifyReady>().size(), 1U);
}

TEST(Upgrade, GivesTheNewProgramTenSecondsToAnswer) {
  World world(one_pool(1));
  world.start_ready();
  world.hold_loads = true;
  world.upgrade();
  world.pass(9s);
  EXPECT_EQ(world.last_job()->state, JobState::running);
  world.pass(2s);
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_NE(reason(world).find("within 10 s"), std::string::npos);
  EXPECT_EQ(world.got<GiveUpUpgrade>().size(), 1U);
  world.release();
  EXPECT_TRUE(world.got<Reexecute>().empty()) << "a late answer counts";
}

TEST(Upgrade, IsRefusedDuringAReloadAStopOrAnotherUpgrade) {
  World world(one_pool(1));
  world.start_ready();
  world.hold_loads = true;
  world.upgrade();
  world.upgrade();
  EXPECT_NE(world.got<JobRefused>().at(0).reason.find("job 1 does so already"), std::string::npos);
  world.release();
  world.reload(world.configs.at(1));
  world.upgrade();
  EXPECT_NE(world.got<JobRefused>().at(0).reason.find("a reload is under way"), std::string::npos);
  world.stop();
  world.upgrade();
  EXPECT_NE(world.got<JobRefused>().at(0).reason.find("the supervisor stops"), std::string::npos);
}

TEST(Upgrade, GivesWayToAReloadAndToAStop) {
  for (const bool stop : {false, true}) {
    World world(one_pool(1));
    world.obedient = world.eager = true;
    world.start();
    world.hold_loads = true;
    world.upgrade();
    stop ? world.stop() : world.reload(world.configs.at(1));
    EXPECT_EQ(world.supervisor.job(1)->state, JobState::failed);
    EXPECT_EQ(world.got<GiveUpUpgrade>().size(), 1U);
    world.release();
    EXPECT_TRUE(world.got<Reexecute>().empty());
    EXPECT_EQ(world.broken, "");
  }
}

TEST(Upgrade, KeepsScaleBackOffUptimeAndFinishedJobs) {
  World world(one_pool(2));
  world.eager = true;
  world.start();
  world.scale(4);
  world.fail_spawns = true;
  world.kill(world.launches().front());
  const auto before = world.supervisor.status();
  const Duration wait = world.until_deadline();
  world.upgrade();
  const auto after = world.supervisor.status();
  EXPECT_EQ(after.target, 4);
  EXPECT_EQ(after.workers.size(), before.workers.size());
  EXPECT_EQ(after.workers.front().started, before.workers.front().started);
  EXPECT_EQ(world.until_deadline(), wait);
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::done);
  world.pass(10min);
  EXPECT_FALSE(world.supervisor.job(1)) << "kept for longer than 10 minutes";
}

TEST(Upgrade, DuringAChangeOfScaleLetsItsJobGoOn) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(3);
  world.upgrade();
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::running);
  world.all_ready();
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::done);
}

}  // namespace
}  // namespace gserve::core::testing
