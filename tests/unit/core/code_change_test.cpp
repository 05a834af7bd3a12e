// SPDX-License-Identifier: MIT
// --reload: a file that a worker has loaded has changed.
#include <gtest/gtest.h>

#include "supervisor/core/code_changes.h"
#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

SupervisorConfig development(int workers) {
  SupervisorConfig config = one_pool(workers);
  config.pools.front().watches_code = true;
  return config;
}

TEST(CodeChange, IsAReasonToReload) {
  World world(development(2));
  world.start_ready();
  world.next_config = development(2);
  world.change(1, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.logged(LogLevel::info, "reload requested by a change of /srv/app.py"));
  world.all_ready();
  world.all_told_exit();
  EXPECT_EQ(world.supervisor.status().generation, 2U);
  EXPECT_EQ(world.count_ready("web", 2), 2);
  EXPECT_EQ(world.broken, "");
}

TEST(CodeChange, IsToldByEveryWorkerAndCountsOnce) {
  World world(development(2));
  world.start_ready();
  world.next_config = development(2);
  world.change(1, "/srv/app.py", "1-10");
  world.change(2, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.last.empty());
  world.change(2, "/srv/other.py", "1-10");
  EXPECT_TRUE(world.logged(LogLevel::info, "reload requested by a change of /srv/other.py"));
  world.change(1, "/srv/app.py", "2-10");
  EXPECT_TRUE(world.logged(LogLevel::warning, "reload given up"));
}

TEST(CodeChange, OfAWorkerThatIsReplacedAlreadyIsNoNews) {
  World world(development(1));
  world.start_ready();
  world.reload(development(1));
  world.all_ready();
  ASSERT_EQ(world.supervisor.status().generation, 2U);
  world.change(1, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.last.empty());
}

TEST(CodeChange, OfAWorkerOnTrialStartsTheReloadAnew) {
  World world(development(1));
  world.start_ready();
  world.reload(development(1));
  const LaunchId canary = world.launches(2).front();
  world.change(canary, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.logged(LogLevel::info, "reload requested by a change of /srv/app.py"));
  EXPECT_EQ(world.broken, "");
}

TEST(CodeChange, IsIgnoredWhereNobodyAskedForIt) {
  World world(one_pool(1));
  world.start_ready();
  world.change(1, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.last.empty());
}

TEST(CodeChange, IsIgnoredInAStop) {
  World world(development(1));
  world.start_ready();
  world.stop();
  world.change(1, "/srv/app.py", "1-10");
  EXPECT_TRUE(world.last.empty());
}

TEST(CodeChanges, AreForgottenInTime) {
  CodeChanges changes;
  EXPECT_TRUE(changes.is_news("/a", "0"));
  for (std::size_t i = 0; i < CodeChanges::kRemembered; ++i) {
    EXPECT_TRUE(changes.is_news("/b", std::to_string(i)));
  }
  EXPECT_FALSE(changes.is_news("/b", "1"));
  EXPECT_TRUE(changes.is_news("/a", "0"));
}

}  // namespace
}  // namespace gserve::core::testing
