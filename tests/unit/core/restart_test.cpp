// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

class RestartTest : public ::testing::Test {
 protected:
  RestartTest() : world_(one_pool(2)) { world_.start_ready(); }
  ~RestartTest() override { EXPECT_EQ(world_.broken, ""); }

  StatusView status() const { return world_.supervisor.status(); }
  JobView job() const { return *world_.last_job(); }
  void fails_to_boot(LaunchId launch) {
    world_.send(WorkerBootError{launch, "no memory"});
    world_.exit(launch, {ExitStatus::Kind::exited, 1});
  }

  World world_;  // launches 1 and 2
};

TEST_F(RestartTest, ReplacesEveryWorkerWithTheSameSettings) {
  world_.restart();
  ASSERT_EQ(world_.got<CopyConfig>().size(), 1U);
  EXPECT_TRUE(world_.got<LoadConfig>().empty());
  EXPECT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job().kind, JobKind::restart);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(world_.launches(), (std::vector<LaunchId>{3, 4}));
  EXPECT_EQ(status().generation, 2U);
}

TEST_F(RestartTest, KeepsTheScaleAndWhatARollbackWouldGoBackTo) {
  world_.reload(one_pool(2));
  world_.all_ready();
  world_.all_told_exit();
  world_.scale(3);
  world_.all_ready();
  world_.restart();
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(status().ready, 3);
  EXPECT_EQ(status().generation, 3U);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(RestartTest, ChangesNothingWhenFreshWorkersCannotBoot) {
  world_.restart();
  fails_to_boot(3);
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, "no memory");
  EXPECT_EQ(world_.launches(), (std::vector<LaunchId>{1, 2}));
  EXPECT_EQ(status().ready, 2);
}

TEST_F(RestartTest, IsRefusedWhileAReloadIsUndecided) {
  world_.reload(one_pool(2));
  world_.restart();
  ASSERT_EQ(world_.got<JobRefused>().size(), 1U);
  EXPECT_EQ(world_.got<JobRefused>()[0].reason,
            "cannot restart: job 1 is under way; try again when it is done");
}

TEST_F(RestartTest, DoesNotWaitForOldWorkersThatDrain) {
  world_.reload(one_pool(2));
  world_.all_ready();
  ASSERT_EQ(world_.supervisor.job(1)->state, JobState::running);
  world_.restart();
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::done);
  world_.all_told_exit();
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().generation, 3U);
}

TEST_F(RestartTest, MakesAFreshTemplateWithPreload) {
  World world(preloaded(1));
  world.start_ready();
  world.restart();
  EXPECT_EQ(world.got<SpawnTemplate>().size(), 1U);
  world.all_ready();
  world.all_told_exit();
  EXPECT_EQ(world.last_job()->state, JobState::done);
  EXPECT_TRUE(world.templates.at(1).told);
  EXPECT_EQ(world.broken, "");
}

TEST_F(RestartTest, OfOneWorkerReplacesItFirst) {
  world_.restart_worker(1);
  EXPECT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_TRUE(world_.got<SignalWorker>().empty());
  world_.ready(3);
  ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].launch, 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].signal, SIGTERM);
  EXPECT_EQ(job().progress, "worker 1001 drains");
  EXPECT_EQ(job().state, JobState::running);
  world_.exit(1);
  EXPECT_EQ(job().kind, JobKind::worker_restart);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().generation, 1U);
}

TEST_F(RestartTest, OfOneWorkerChangesNothingWhenNobodyCanTakeItsPlace) {
  world_.restart_worker(1);
  fails_to_boot(3);
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, "nobody could take its place: no memory");
  EXPECT_TRUE(world_.due_workers().empty());
  EXPECT_EQ(world_.launches(), (std::vector<LaunchId>{1, 2}));
}

TEST_F(RestartTest, OfOneWorkerThatFailsLeavesItDueForOthers) {
  world_.due(1);
  world_.restart_worker(1);
  ASSERT_EQ(job().state, JobState::running);
  fails_to_boot(3);
  EXPECT_EQ(job().state, JobState::running);  // this one was started before
  world_.pass(1s);
  fails_to_boot(world_.launches().back());
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(world_.due_workers(), std::set<LaunchId>{1});
}

TEST_F(RestartTest, OfOneWorkerThatIsAskedForTwiceGoesOnForTheSecond) {
  world_.restart_worker(1);
  world_.restart_worker(1);
  fails_to_boot(3);
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::failed);
  EXPECT_EQ(world_.supervisor.job(2)->state, JobState::running);
  EXPECT_EQ(world_.due_workers(), std::set<LaunchId>{1});
  world_.pass(1s);
  fails_to_boot(world_.launches().back());
  EXPECT_EQ(world_.supervisor.job(2)->state, JobState::failed);
  EXPECT_TRUE(world_.due_workers().empty());
}

TEST_F(RestartTest, OfOneWorkerIsDoneWhenAReloadHasReplacedIt) {
  world_.reload(one_pool(2));
  world_.restart_worker(1);
  const JobId restart = world_.jobs_accepted;
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(world_.supervisor.job(restart)->state, JobState::done);
}

TEST_F(RestartTest, OfOneWorkerIsRefusedWithAReason) {
  const auto refusal = [&] { return world_.got<JobRefused>().at(0).reason; };
  world_.restart_worker(77);
  EXPECT_EQ(refusal(), "cannot restart worker 1077: no worker has this pid");
  world_.stopping(1);
  world_.restart_worker(1);
  EXPECT_EQ(refusal(), "cannot restart worker 1001: it is draining, only one that is ready can be replaced");
  World preload(preloaded(1));
  preload.start_ready();
  preload.kill_worker(1);
  EXPECT_EQ(preload.got<JobRefused>().at(0).reason,
            "cannot kill worker 1001: it is the template of pool web, a restart of the service replaces it");
}

TEST_F(RestartTest, AKilledWorkerIsReplacedAtOnceAndBlamedForNothing) {
  world_.kill_worker(1);
  ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].signal, SIGABRT);
  EXPECT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(job().state, JobState::running);
  world_.exit(1, {ExitStatus::Kind::signalled, SIGABRT});
  EXPECT_EQ(job().kind, JobKind::worker_kill);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_TRUE(world_.got<RecordIncident>().empty());
  EXPECT_EQ(status().pools[0].failures, 0);
}

TEST_F(RestartTest, AWorkerThatSurvivesItsAbortIsKilled) {
  world_.kill_worker(1);
  world_.pass(1s);
  ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].signal, SIGKILL);
  world_.kill_worker(1);  // once more: it waits for the same end
  world_.exit(1, {ExitStatus::Kind::signalled, SIGKILL});
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::done);
  EXPECT_EQ(world_.supervisor.job(2)->state, JobState::done);
}

TEST_F(RestartTest, OrdersAboutWorkersEndWithTheService) {
  world_.restart_worker(1);
  world_.stop();
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::failed);
  EXPECT_EQ(world_.supervisor.job(1)->reason, "the supervisor stops");
  world_.kill_worker(2);
  EXPECT_EQ(world_.got<JobRefused>().size(), 1U);
}

TEST_F(RestartTest, ReopenedLogsAreAJobForWhoAsksForOne) {
  world_.reopen();
  EXPECT_EQ(job().kind, JobKind::reopen);
  EXPECT_EQ(job().state, JobState::done);
  world_.reopen_failure =
      "cannot open the log /nowhere/log: No such file or directory; the old one stays in use";
  world_.reopen();
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, world_.reopen_failure);
  const JobId before = world_.jobs_accepted;
  world_.send(ReopenLogsRequested{0, "SIGUSR1"});
  EXPECT_EQ(world_.jobs_accepted, before);
}

}  // namespace
}  // namespace gserve::core::testing
