// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

TEST(Jobs, AreNumberedFromOneAndAnsweredBeforeTheyTellAnything) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(2);
  std::vector<std::string> order;
  for (const Action& action : world.last) {
    if (std::holds_alternative<JobAccepted>(action)) order.push_back("accepted");
    if (std::holds_alternative<JobProgress>(action)) order.push_back("progress");
    if (std::holds_alternative<JobFinished>(action)) order.push_back("finished");
  }
  EXPECT_EQ(order, (std::vector<std::string>{"accepted", "finished"}));
  EXPECT_EQ(world.jobs_accepted, 1U);
  world.scale(3);
  EXPECT_EQ(world.jobs_accepted, 2U);
}

TEST(Jobs, StayReadableForTenMinutes) {
  World world(one_pool(1));
  world.start_ready();
  world.scale(1);
  world.pass(10min - 1ns);
  world.send(TimePassed{});
  ASSERT_TRUE(world.supervisor.job(1));
  EXPECT_EQ(world.supervisor.job(1)->kind, JobKind::scale);
  EXPECT_EQ(world.supervisor.job(1)->state, JobState::done);
  world.pass(1ns);
  world.send(TimePassed{});
  EXPECT_FALSE(world.supervisor.job(1));
}

TEST(Jobs, AreNotAnsweredWhenNobodyAsked) {
  World world(one_pool(1));
  world.start_ready();
  world.send(ReopenLogsRequested{0, "SIGUSR1"});
  EXPECT_EQ(world.got<ReopenLogs>().size(), 1U);
  Supervisor quiet(one_pool(1), 1);
  for (const Action& action : quiet.handle(ScaleRequested{0, "", 1, true, "SIGTTIN"}, world.now)) {
    EXPECT_FALSE(std::holds_alternative<JobAccepted>(action));
  }
  for (const Action& action : quiet.handle(ScaleRequested{0, "", -5, true, "SIGTTOU"}, world.now)) {
    EXPECT_FALSE(std::holds_alternative<JobRefused>(action));
  }
}

}  // namespace
}  // namespace gserve::core::testing
