// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "supervisor/core/job_table.h"
#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

std::uint64_t count(const World& world, ExitReason reason) {
  return world.supervisor.status().pools.front().exits[static_cast<std::size_t>(reason)];
}

std::uint64_t count(const World& world, JobKind kind, JobState result) {
  for (const JobCount& each : world.supervisor.status().jobs) {
    if (each.kind == kind && each.result == result) return each.count;
  }
  return 0;
}

World busy() {
  World world(one_pool(2));
  world.obedient = world.eager = true;
  world.start();
  return world;
}

TEST(ExitCounts, EachEndHasItsReason) {
  World world = busy();
  world.kill(world.launches().front());
  EXPECT_EQ(count(world, ExitReason::crash), 1U);
  world.pass(1s);
  world.exit(world.launches().front(), {ExitStatus::Kind::signalled, SIGKILL, false, true});
  EXPECT_EQ(count(world, ExitReason::out_of_memory), 1U);
  world.pass(1s);
  world.due(world.launches().front());
  EXPECT_EQ(count(world, ExitReason::recycled), 1U);
  world.workers.at(world.launches().front()).request_start = world.now;
  world.pass(65s);
  EXPECT_EQ(count(world, ExitReason::timeout), 1U);
  world.scale(1);
  EXPECT_EQ(count(world, ExitReason::drained), 1U);
  world.eager = false;
  world.scale(2);
  world.exit(world.launches().back(), {ExitStatus::Kind::exited, 3});
  EXPECT_EQ(count(world, ExitReason::boot_failure), 1U);
  EXPECT_EQ(world.broken, "");
}

TEST(ExitCounts, WhatAQuickStopCutsOffIsNoCrash) {
  World world = busy();
  world.obedient = false;
  world.stop(StopMode::quick);
  world.exit(world.launches().front(), {ExitStatus::Kind::signalled, SIGSEGV});
  EXPECT_EQ(count(world, ExitReason::crash), 0U);
  EXPECT_EQ(count(world, ExitReason::drained), 1U);
}

TEST(ExitCounts, JobsAreCountedByKindAndResultForEver) {
  World world = busy();
  world.reload(world.configs.at(1));
  world.reload(std::nullopt);
  world.reload(std::nullopt);
  world.pass(JobTable::kKept + 1s);
  world.scale(3);
  EXPECT_EQ(count(world, JobKind::reload, JobState::done), 1U);
  EXPECT_EQ(count(world, JobKind::reload, JobState::failed), 2U);
  EXPECT_EQ(count(world, JobKind::scale, JobState::done), 1U);
}

TEST(ExitCounts, GoOnInTheNextProgram) {
  World world = busy();
  world.kill(world.launches().front());
  world.reload(world.configs.at(1));
  world.upgrade();
  ASSERT_EQ(world.last_job()->state, JobState::done);
  EXPECT_EQ(count(world, ExitReason::crash), 1U);
  EXPECT_EQ(count(world, JobKind::reload, JobState::done), 1U);
  EXPECT_EQ(count(world, JobKind::upgrade, JobState::done), 1U);
}

}  // namespace
}  // namespace gserve::core::testing
