// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

// Launch 1 is the template, 2 and 3 are the workers.
class ReforkTest : public ::testing::Test {
 protected:
  ReforkTest() : world_(preloaded(2)) { world_.start_ready(); }
  ~ReforkTest() override { EXPECT_EQ(world_.broken, ""); }

  StatusView status() const { return world_.supervisor.status(); }
  JobView job() const { return *world_.last_job(); }
  /// Up to where worker 2 was told to become a template.
  void begin() {
    world_.refork();
    ASSERT_EQ(world_.got<Spawn>().size(), 1U);
    world_.ready(4);
    ASSERT_EQ(world_.got<Promote>().size(), 1U);
    EXPECT_EQ(world_.got<Promote>()[0].launch, 2U);
  }

  World world_;
};

TEST_F(ReforkTest, MakesATemplateOfTheOldestWorkerOnceItIsReplaced) {
  world_.refork();
  ASSERT_EQ(world_.got<CopyConfig>().size(), 1U);
  EXPECT_EQ(world_.got<CopyConfig>()[0].from, 1U);
  EXPECT_EQ(world_.got<CopyConfig>()[0].to, 2U);
  EXPECT_TRUE(world_.got<Promote>().empty());
  world_.ready(4);
  ASSERT_EQ(world_.got<Promote>().size(), 1U);
  EXPECT_EQ(world_.got<Promote>()[0].launch, 2U);
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  EXPECT_EQ(world_.count_ready("web"), 2);
}

TEST_F(ReforkTest, ForksTheNextGenerationFromIt) {
  begin();
  world_.ready(2);
  ASSERT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(world_.got<Spawn>()[0].from, 2U);
  EXPECT_EQ(world_.got<Spawn>()[0].generation, 2U);
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job().kind, JobKind::refork);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().generation, 2U);
  EXPECT_EQ(status().ready, 2);
  EXPECT_EQ(status().kept, std::nullopt);
  EXPECT_TRUE(world_.templates.at(1).told);
  EXPECT_FALSE(world_.templates.at(2).told);
}

TEST_F(ReforkTest, IsForServicesWithPreload) {
  World plain(one_pool(1));
  plain.start_ready();
  plain.refork();
  ASSERT_EQ(plain.got<JobRefused>().size(), 1U);
  EXPECT_EQ(plain.got<JobRefused>()[0].reason, "cannot refork: it is for services with preload");
}

TEST_F(ReforkTest, WaitsForNothingElse) {
  world_.reload(preloaded(2));
  world_.refork();
  ASSERT_EQ(world_.got<JobRefused>().size(), 1U);
  EXPECT_EQ(world_.got<JobRefused>()[0].reason,
            "cannot refork: job 1 is under way; try again when it is done");
}

TEST_F(ReforkTest, FailsWhenTheChosenWorkerDies) {
  begin();
  world_.kill(2);
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, "the worker that was to become the template has gone: killed by SIGKILL");
  EXPECT_EQ(status().generation, 1U);
  EXPECT_EQ(world_.count_ready("web", 1), 2);
  ASSERT_EQ(world_.got<ForgetGeneration>().size(), 1U);
  EXPECT_EQ(world_.got<ForgetGeneration>()[0].generation, 2U);
}

TEST_F(ReforkTest, SaysWhyTheChosenWorkerCannotBecomeATemplate) {
  begin();
  world_.send(WorkerBootError{2, "no descriptor left"});
  world_.exit(2, {ExitStatus::Kind::exited, 1});
  EXPECT_EQ(job().reason, "the worker that was to become the template has gone: no descriptor left");
}

TEST_F(ReforkTest, FailsWhenTheChosenWorkerDoesNotDrain) {
  begin();
  world_.pass(30s);
  ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].signal, SIGKILL);
  world_.kill(2);
  EXPECT_EQ(job().state, JobState::failed);
}

TEST_F(ReforkTest, FailsWhenNobodyCanReplaceTheChosenWorker) {
  world_.refork();
  world_.send(WorkerBootError{4, "no memory"});
  world_.exit(4, {ExitStatus::Kind::exited, 1});
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, "nobody can replace the worker that was to become the template: no memory");
  EXPECT_TRUE(world_.due_workers().empty());
  EXPECT_EQ(world_.count_ready("web", 1), 2);
}

TEST_F(ReforkTest, FailsWhenWhatItForksCannotBoot) {
  begin();
  world_.ready(2);
  world_.exit(world_.launches(2).front(), {ExitStatus::Kind::exited, 1});
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_TRUE(world_.templates.at(2).told);
  EXPECT_FALSE(world_.templates.at(1).told);
  EXPECT_EQ(world_.count_ready("web", 1), 2);
}

TEST(Refork, FailsWhenATemplateDiesThatWaitsForAnotherPools) {
  SupervisorConfig config = preloaded(1);
  config.pools.push_back(config.pools.front());
  config.pools.back().name = "api";
  World world(config);
  world.start_ready();
  world.refork();
  world.ready(world.launches().back());
  ASSERT_EQ(world.got<Promote>().size(), 1U);
  const LaunchId first = world.got<Promote>()[0].launch;
  world.ready(first);
  ASSERT_TRUE(world.templates.contains(first));
  world.exit_template(first, {ExitStatus::Kind::signalled, SIGKILL});
  EXPECT_EQ(world.last_job()->state, JobState::failed);
  EXPECT_EQ(world.broken, "");
}

TEST_F(ReforkTest, LeavesAWorkerDueThatWasDueBefore) {
  world_.due(2);
  world_.refork();
  world_.reload(std::nullopt);
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::superseded);
  EXPECT_EQ(world_.due_workers(), std::set<LaunchId>{2});
}

TEST_F(ReforkTest, IsARestartOfTheWorkerThatBecomesTheTemplate) {
  world_.restart_worker(2);
  world_.refork();
  world_.ready(4);
  world_.ready(2);
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::done);
}

TEST_F(ReforkTest, IsSupersededByAReload) {
  begin();
  world_.reload(preloaded(2));
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::superseded);
  EXPECT_TRUE(world_.worker(2).told);
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(status().generation, 3U);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(ReforkTest, KeepsWhatARollbackWouldGoBackTo) {
  world_.reload(preloaded(2));
  world_.all_ready();
  world_.all_told_exit();
  ASSERT_EQ(status().kept, 1U);
  world_.refork();
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(status().generation, 3U);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(ReforkTest, EndsWithTheService) {
  begin();
  world_.stop();
  world_.all_told_exit();
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::failed);
}

}  // namespace
}  // namespace gserve::core::testing
