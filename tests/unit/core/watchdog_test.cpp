// SPDX-License-Identifier: MIT
#include "supervisor/core/watchdog.h"

#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

/// Whom nothing else wakes up.
SupervisorConfig quiet() {
  SupervisorConfig config = one_pool(1);
  config.pools.front().timeout = 0s;
  return config;
}

World watched(Duration limit) {
  World world(quiet());
  world.watchdog = limit;
  return world;
}

TEST(Watchdog, HearsAtOnceAndThenTwiceInItsTime) {
  World world = watched(20s);
  world.start();
  EXPECT_EQ(world.got<NotifyWatchdog>().size(), 1U);
  world.all_ready();
  EXPECT_EQ(world.until_deadline(), Duration(10s));
  world.pass(60s);
  EXPECT_EQ(world.got<NotifyWatchdog>().size(), 6U);
  EXPECT_EQ(world.broken, "");
}

TEST(Watchdog, ThatIsNotEnabledCostsNoWakeUp) {
  World world = watched(0s);
  world.start_ready();
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
  world.send(WatchdogSet{0s});
  EXPECT_TRUE(world.got<NotifyWatchdog>().empty());
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
}

TEST(Watchdog, HearsWhileWorkersDrainAndNotAfterTheEnd) {
  World world = watched(20s);
  world.start_ready();
  world.stop();
  world.pass(25s);
  EXPECT_EQ(world.got<NotifyWatchdog>().size(), 2U);
  world.all_told_exit();
  EXPECT_EQ(world.exit_code, 0);
  world.pass(60s);
  EXPECT_TRUE(world.got<NotifyWatchdog>().empty());
}

TEST(Watchdog, HearsFromTheProgramThatTakesOver) {
  World world = watched(20s);
  world.start_ready();
  world.pass(9s);
  world.upgrade();
  EXPECT_EQ(world.last_job()->state, JobState::done);
  EXPECT_EQ(world.supervisor.snapshot()->watchdog, Duration(20s));
  EXPECT_EQ(world.until_deadline(), Duration(1s)) << "the time goes on, it does not begin again";
  world.pass(21s);
  EXPECT_EQ(world.got<NotifyWatchdog>().size(), 3U);
  EXPECT_EQ(world.broken, "");
}

TEST(Watchdog, OfAnUpgradedProgramThatKnewNoneIsSetByTheNewOne) {
  World world = watched(0s);
  world.start_ready();
  world.upgrade();
  world.watchdog = 20s;
  world.send(WatchdogSet{20s});
  EXPECT_EQ(world.got<NotifyWatchdog>().size(), 1U);
  world.send(WatchdogSet{0s});
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace gserve::core::testing
