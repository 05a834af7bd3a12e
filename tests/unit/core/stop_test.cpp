// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

template <typename T>
std::size_t index_of(const World& world) {
  std::size_t i = 0;
  while (i < world.last.size() && !std::holds_alternative<T>(world.last[i])) ++i;
  return i;
}

void expect_signals(const World& world, std::size_t count, int signal) {
  ASSERT_EQ(world.got<SignalWorker>().size(), count);
  for (const SignalWorker& sent : world.got<SignalWorker>()) EXPECT_EQ(sent.signal, signal);
}

TEST(Stop, DrainsWorkersInEveryState) {
  World world(one_pool(3));
  world.start();
  world.ready(1);
  world.stop();
  expect_signals(world, 3, SIGTERM);
  EXPECT_LT(index_of<StopListening>(world), index_of<SignalWorker>(world));
  EXPECT_EQ(world.got<NotifyStopping>().size(), 1U);
  ASSERT_EQ(world.got<NotifyExtendTimeout>().size(), 1U);
  EXPECT_EQ(world.got<NotifyExtendTimeout>()[0].extra, Duration(35s));
  EXPECT_EQ(world.supervisor.status().state, SupervisorState::stopping);
}

TEST(Stop, EndsWhenTheLastWorkerHasGone) {
  World world(one_pool(2));
  world.start_ready();
  world.stop();
  world.exit(1);
  EXPECT_FALSE(world.exit_code);
  world.exit(2);
  EXPECT_EQ(world.exit_code, 0);
  EXPECT_LT(index_of<JobFinished>(world), index_of<Exit>(world));
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
}

TEST(Stop, KillsWhoeverDrainsTooLong) {
  World world(one_pool(2));
  world.start_ready();
  world.stop();
  world.pass(30s);
  expect_signals(world, 2, SIGKILL);
  EXPECT_TRUE(world.logged(LogLevel::warning, "has not drained within 30 s; killing it"));
}

TEST(Stop, EndsAtOnceWithoutWorkers) {
  World world(one_pool(1));
  world.stop();
  EXPECT_EQ(world.exit_code, 0);
}

TEST(Stop, QuicklyGivesOneSecond) {
  World world(one_pool(2));
  world.start_ready();
  world.stop(StopMode::quick);
  expect_signals(world, 2, SIGQUIT);
  world.pass(1s);
  expect_signals(world, 2, SIGKILL);
}

TEST(Stop, EscalatesFromGracefulToQuickToKill) {
  World world(one_pool(2));
  world.start_ready();
  world.stop();
  world.stop(StopMode::quick);
  expect_signals(world, 2, SIGQUIT);
  world.stop(StopMode::quick);
  expect_signals(world, 2, SIGKILL);
  world.kill(1);
  world.kill(2);
  EXPECT_EQ(world.exit_code, 0);
  EXPECT_EQ(world.got<JobFinished>().size(), 3U);
  EXPECT_EQ(world.broken, "");
}

TEST(Stop, JoinsASecondGracefulRequestWithoutCuttingRequestsShort) {
  World world(one_pool(1));
  world.start_ready();
  world.stop();
  world.stop();
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.exit(1);
  EXPECT_EQ(world.got<JobFinished>().size(), 2U);
}

TEST(Stop, StartsNobodyAnyMore) {
  World world(one_pool(2));
  world.start_ready();
  world.kill(1);
  world.all_ready();
  world.kill(2);
  world.stop();
  world.pass(10s);
  EXPECT_TRUE(world.got<Spawn>().empty());
}

TEST(Stop, RefusesReloadAndScale) {
  World world(one_pool(1));
  world.start_ready();
  world.stop();
  world.reload(one_pool(1));
  ASSERT_EQ(world.got<JobRefused>().size(), 1U);
  world.scale(3);
  ASSERT_EQ(world.got<JobRefused>().size(), 1U);
}

TEST(Stop, FailsTheJobsThatRun) {
  World world(one_pool(1));
  world.start_ready();
  world.reload(one_pool(1));
  world.stop();
  ASSERT_EQ(world.got<JobFinished>().size(), 1U);
  EXPECT_EQ(world.got<JobFinished>()[0].result, JobState::failed);
}

TEST(Stop, SignalsAWorkerThatWasJustBeingStarted) {
  World world(one_pool(1));
  world.hold_spawns = true;
  world.start();
  world.stop();
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.release();
  expect_signals(world, 1, SIGTERM);
  EXPECT_EQ(world.broken, "");
}

TEST(Stop, TakesAWorkerThatCouldNotBeStartedForNoError) {
  World world(one_pool(1));
  world.hold_spawns = world.fail_spawns = true;
  world.start();
  world.stop();
  world.release();
  EXPECT_TRUE(world.logged(LogLevel::info, "cannot start a worker: no memory; it was not wanted any more"));
  EXPECT_EQ(world.exit_code, 0);
}

SupervisorConfig with_delay() {
  SupervisorConfig config = one_pool(2);
  config.pools.front().pre_stop_delay = 5s;
  return config;
}

TEST(PreStopDelay, ServesOnAndThenDrains) {
  World world(with_delay());
  world.start_ready();
  world.stop();
  EXPECT_EQ(world.got<SignalWorker>().size() + world.got<StopListening>().size(), 0U);
  EXPECT_EQ(world.got<NotifyStopping>().size(), 1U);
  ASSERT_EQ(world.got<NotifyExtendTimeout>().size(), 1U);
  EXPECT_EQ(world.got<NotifyExtendTimeout>()[0].extra, Duration(40s));
  EXPECT_EQ(world.supervisor.status().state, SupervisorState::stopping);
  world.pass(4999ms);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.pass(1ms);
  expect_signals(world, 2, SIGTERM);
  EXPECT_EQ(world.got<StopListening>().size(), 1U);
  EXPECT_TRUE(world.got<NotifyStopping>().empty()) << "said once";
  world.all_told_exit();
  EXPECT_EQ(world.exit_code, 0);
}

TEST(PreStopDelay, ReplacesWorkersThatDieAndEndsOverdueOnes) {
  World world(with_delay());
  world.start_ready();
  world.stop();
  world.kill(1);
  EXPECT_EQ(world.launches().size(), 2U);
  EXPECT_FALSE(world.exit_code);
  world.workers.at(2).request_start = world.now - 31s;
  world.send(ScoreboardSampled{2, world.now - 31s, "GET /", 1});
  expect_signals(world, 1, SIGABRT);
}

TEST(PreStopDelay, StartsNoReloadOrScale) {
  World world(with_delay());
  world.start_ready();
  world.hold_loads = true;
  world.reload(one_pool(2));
  world.stop();
  ASSERT_EQ(world.got<JobFinished>().size(), 1U);
  EXPECT_EQ(world.got<JobFinished>()[0].result, JobState::failed);
  world.reload(one_pool(2));
  EXPECT_EQ(world.got<JobRefused>().size(), 1U);
  world.scale(3);
  EXPECT_EQ(world.got<JobRefused>().size(), 1U);
}

TEST(PreStopDelay, IsCutShortByAQuickStop) {
  World world(with_delay());
  world.start_ready();
  world.stop();
  world.stop(StopMode::quick);
  expect_signals(world, 2, SIGQUIT);
  world.all_told_exit();
  EXPECT_EQ(world.exit_code, 0);
}

void terminate(World& world) {
  world.send(StopRequested{++world.requests, StopMode::graceful, "SIGTERM", true});
}

TEST(SecondSigterm, HurriesStepByStep) {
  World world(with_delay());
  world.start_ready();
  terminate(world);
  world.pass(1s);
  terminate(world);
  expect_signals(world, 2, SIGTERM);
  world.pass(1s);
  terminate(world);
  expect_signals(world, 2, SIGQUIT);
  world.pass(500ms);
  terminate(world);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.all_told_exit();
  EXPECT_EQ(world.exit_code, 0);
}

TEST(SecondSigterm, IsTheSameWhenItComesWithTheFirst) {
  World world(one_pool(2));
  world.start_ready();
  terminate(world);
  world.pass(999ms);
  terminate(world);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

TEST(SecondStopCommand, NeverHurries) {
  World world(one_pool(2));
  world.start_ready();
  world.stop();
  world.pass(5s);
  world.stop();
  EXPECT_TRUE(world.got<SignalWorker>().empty());
}

}  // namespace
}  // namespace gserve::core::testing
