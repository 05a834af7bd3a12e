// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

constexpr ExitStatus exited(int code) {
  return {ExitStatus::Kind::exited, code};
}

TEST(Boot, StartsTheDesiredWorkersOfEveryPool) {
  SupervisorConfig config = one_pool(3);
  config.pools.push_back({.name = "api", .workers = 2});
  World world(config);
  world.start();
  const auto spawns = world.got<Spawn>();
  ASSERT_EQ(spawns.size(), 5U);
  EXPECT_EQ(spawns[0].pool, "web");
  EXPECT_EQ(spawns[4].pool, "api");
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(spawns[i].generation, 1U);
    EXPECT_EQ(spawns[i].age, i + 1);
  }
}

TEST(Boot, TellsTheManagerReadyWhenTheFirstWorkerCanServe) {
  World world(one_pool(2));
  world.start();
  EXPECT_TRUE(world.got<NotifyReady>().empty());
  EXPECT_EQ(world.supervisor.status().state, SupervisorState::starting);
  world.ready(1);
  ASSERT_EQ(world.got<NotifyReady>().size(), 1U);
  EXPECT_EQ(world.got<NotifyReady>()[0].status, "1/2 workers ready, generation 1");
  EXPECT_EQ(world.supervisor.status().state, SupervisorState::running);
  EXPECT_TRUE(world.logged(LogLevel::info, "worker ready"));
  world.ready(2);
  EXPECT_TRUE(world.got<NotifyReady>().empty());
  ASSERT_EQ(world.got<NotifyStatus>().size(), 1U);
}

TEST(Boot, NamesPidAndGenerationInTheLog) {
  World world(one_pool(1));
  world.start();
  world.ready(1);
  EXPECT_EQ(world.got<Log>()[0].pid, 1001);
  EXPECT_EQ(world.got<Log>()[0].generation, 1U);
}

TEST(Boot, EndsTheProgramWhenTheFirstBootFails) {
  for (const int code : {3, 4}) {
    World world(one_pool(2));
    world.start();
    world.send(WorkerBootError{1, "ModuleNotFoundError: app"});
    EXPECT_TRUE(world.logged(LogLevel::error, "ModuleNotFoundError: app"));
    world.exit(1, exited(code));
    EXPECT_EQ(world.got<SignalWorker>().size(), 1U);
    EXPECT_EQ(world.got<SignalWorker>()[0].launch, 2U);
    EXPECT_EQ(world.got<StopListening>().size(), 1U);
    EXPECT_FALSE(world.exit_code);
    world.exit(2);
    EXPECT_EQ(world.exit_code, code);
    EXPECT_EQ(world.broken, "");
  }
}

TEST(Boot, RetriesAfterOtherDeaths) {
  World world(one_pool(1));
  world.start();
  world.kill(1);
  EXPECT_TRUE(world.got<Spawn>().empty());
  EXPECT_TRUE(world.logged(LogLevel::error, "killed by SIGKILL"));
  EXPECT_LE(world.until_deadline(), 100ms);
  world.pass(100ms);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Boot, OnlyTheFirstOneMayEndTheProgram) {
  World world(one_pool(2));
  world.start();
  world.ready(1);
  world.exit(2, exited(3));
  EXPECT_FALSE(world.supervisor.status().state == SupervisorState::stopping);
  world.pass(100ms);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Boot, AbortsAndThenKillsAWorkerThatHangs) {
  World world(one_pool(2));
  world.start();
  world.ready(1);
  world.pass(60s - 1ns);
  EXPECT_TRUE(world.got<SignalWorker>().empty());
  world.pass(1ns);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGABRT);
  EXPECT_TRUE(world.logged(LogLevel::error, "boot_timeout"));
  world.pass(1s);
  ASSERT_EQ(world.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world.got<SignalWorker>()[0].signal, SIGKILL);
  world.kill(2);
  EXPECT_FALSE(world.exit_code);
  world.pass(100ms);
  EXPECT_EQ(world.got<Spawn>().size(), 1U);
}

TEST(Boot, EndsTheProgramWithThreeWhenTheFirstOneHangs) {
  World world(one_pool(1));
  world.start();
  world.pass(60s);
  world.exit(1, {ExitStatus::Kind::signalled, SIGABRT});
  EXPECT_EQ(world.exit_code, 3);
}

TEST(Boot, MayTakeForEverWithoutATimeout) {
  SupervisorConfig config = one_pool(1);
  config.pools[0].boot_timeout = 0s;
  World world(config);
  world.start();
  EXPECT_EQ(world.supervisor.next_deadline(), std::nullopt);
}

TEST(Boot, RetriesAfterAFailedSpawn) {
  World world(one_pool(1));
  world.fail_spawns = true;
  world.start();
  EXPECT_TRUE(world.logged(LogLevel::error, "no memory; the next one starts in 0."));
  world.fail_spawns = false;
  world.pass(100ms);
  world.all_ready();
  EXPECT_EQ(world.supervisor.status().ready, 1);
}

}  // namespace
}  // namespace gserve::core::testing
