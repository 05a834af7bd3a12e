// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "supervisor/core/bake.h"
#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

SupervisorConfig baked(SupervisorConfig config) {
  config.pools.front().bake = 60s;
  return config;
}

class RollbackTest : public ::testing::Test {
 protected:
  explicit RollbackTest(SupervisorConfig config = one_pool(2)) : config_(std::move(config)), world_(config_) {
    world_.start_ready();
  }
  ~RollbackTest() override { EXPECT_EQ(world_.broken, ""); }

  /// To `next`, and the old workers have gone.
  void deploy(const SupervisorConfig& next) {
    world_.reload(next);
    world_.all_ready();
    world_.all_told_exit();
  }
  void deploy() { deploy(config_); }
  void come_to_rest() {
    world_.all_ready();
    world_.all_told_exit();
  }

  StatusView status() const { return world_.supervisor.status(); }
  JobView job() const { return *world_.last_job(); }
  /// Every worker that serves has answered so many requests.
  void answer(std::uint64_t requests, std::uint64_t errors) {
    for (auto& [launch, worker] : world_.workers) {
      if (!worker.serves()) continue;
      worker.requests = requests;
      worker.errors = errors;
    }
  }
  std::vector<LaunchId> spares() const {
    std::vector<LaunchId> found;
    for (const auto& [launch, worker] : world_.workers) {
      if (worker.resting) found.push_back(launch);
    }
    return found;
  }

  SupervisorConfig config_;
  World world_;
};

TEST_F(RollbackTest, IsRefusedWhenThereIsNothingToGoBackTo) {
  world_.rollback();
  ASSERT_EQ(world_.got<JobRefused>().size(), 1U);
  EXPECT_EQ(
      world_.got<JobRefused>()[0].reason,
      "cannot roll back: no reload has replaced a generation since the start, or it was rolled back already");
  EXPECT_EQ(status().kept, std::nullopt);
}

TEST_F(RollbackTest, GoesBackToTheSettingsOfTheGenerationBefore) {
  deploy(one_pool(4));
  EXPECT_EQ(status().kept, 1U);
  EXPECT_EQ(status().target, 4);
  world_.rollback();
  EXPECT_EQ(world_.got<LoadConfig>().size(), 0U);
  ASSERT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(world_.got<Spawn>()[0].generation, 1U);
  come_to_rest();
  EXPECT_EQ(job().kind, JobKind::rollback);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().generation, 1U);
  EXPECT_EQ(status().ready, 2);
  EXPECT_EQ(status().kept, std::nullopt);
  ASSERT_EQ(world_.got<ForgetGeneration>().size(), 1U);
  EXPECT_EQ(world_.got<ForgetGeneration>()[0].generation, 2U);
}

TEST_F(RollbackTest, IsFollowedByAGenerationOfItsOwn) {
  deploy();
  world_.rollback();
  come_to_rest();
  deploy();
  EXPECT_EQ(status().generation, 3U);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(RollbackTest, ForgetsAllButOneGeneration) {
  deploy();
  world_.reload(config_);
  world_.all_ready();
  ASSERT_EQ(world_.got<ForgetGeneration>().size(), 1U);
  EXPECT_EQ(world_.got<ForgetGeneration>()[0].generation, 1U);
  EXPECT_EQ(status().kept, 2U);
}

TEST_F(RollbackTest, ThatFailsLeavesTheGenerationThatServes) {
  deploy();
  world_.rollback();
  world_.send(WorkerBootError{world_.launches(1).front(), "Traceback: gone"});
  world_.exit(world_.launches(1).front(), {ExitStatus::Kind::exited, 3});
  EXPECT_EQ(job().state, JobState::failed);
  EXPECT_EQ(job().reason, "Traceback: gone");
  EXPECT_TRUE(world_.logged(LogLevel::error, "rollback failed, generation 2 goes on: Traceback: gone"));
  EXPECT_EQ(world_.count_ready("web", 2), 2);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(RollbackTest, GivesUpAReloadThatIsUndecided) {
  world_.reload(config_);
  world_.rollback();
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::superseded);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().generation, 1U);
  EXPECT_EQ(world_.count_ready("web", 1), 2);
}

TEST_F(RollbackTest, FailsTheReloadWhoseGenerationServesAlready) {
  world_.reload(config_);
  world_.all_ready();  // the old ones still drain
  world_.rollback();
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::failed);
  EXPECT_EQ(world_.supervisor.job(1)->reason, "generation 2 is rolled back: requested by test");
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
}

TEST_F(RollbackTest, IsNotAskedForTwice) {
  deploy();
  world_.rollback();
  const JobId first = world_.jobs_accepted;
  world_.rollback();
  ASSERT_EQ(world_.got<JobRefused>().size(), 1U);
  EXPECT_EQ(world_.supervisor.job(first)->state, JobState::running);
}

TEST_F(RollbackTest, IsSupersededByAReload) {
  deploy();
  world_.rollback();
  const JobId first = world_.jobs_accepted;
  deploy();
  EXPECT_EQ(world_.supervisor.job(first)->state, JobState::superseded);
  EXPECT_EQ(status().generation, 3U);
  EXPECT_EQ(status().kept, 2U);
}

TEST_F(RollbackTest, WithoutATestKeepsNobodyBeside) {
  world_.reload(config_);
  world_.all_ready();
  EXPECT_TRUE(world_.got<Rest>().empty());
  EXPECT_EQ(status().bakes_until, std::nullopt);
}

class BakeTest : public RollbackTest {
 protected:
  BakeTest() : RollbackTest(baked(one_pool(2))) {}
};

TEST_F(BakeTest, KeepsASpareForAsLongAsTheTestLasts) {
  deploy();
  ASSERT_EQ(spares().size(), 1U);
  EXPECT_EQ(job().state, JobState::done);
  EXPECT_EQ(status().ready, 2);
  ASSERT_TRUE(status().bakes_until);
  world_.pass(59s);
  EXPECT_EQ(spares().size(), 1U);
  world_.pass(1s);
  EXPECT_TRUE(world_.logged(LogLevel::info, "generation 2 has stood its test"));
  ASSERT_EQ(world_.got<SignalWorker>().size(), 1U);
  EXPECT_EQ(world_.got<SignalWorker>()[0].signal, SIGTERM);
  EXPECT_EQ(status().bakes_until, std::nullopt);
  EXPECT_EQ(status().kept, 1U);
}

TEST_F(BakeTest, StartsARollbackWithTheSpare) {
  deploy();
  const LaunchId spare = spares().at(0);
  world_.rollback();
  ASSERT_EQ(world_.got<Serve>().size(), 1U);
  EXPECT_EQ(world_.got<Serve>()[0].launch, spare);
  EXPECT_EQ(world_.count_ready("web", 1), 1);
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
  EXPECT_EQ(status().bakes_until, std::nullopt);
  EXPECT_TRUE(spares().empty());
  EXPECT_EQ(status().rolled_back, "");
}

TEST_F(BakeTest, TakesTheSpareBackWhenTheReloadFails) {
  world_.reload(config_);
  world_.ready(3);
  ASSERT_EQ(spares(), std::vector<LaunchId>{1});
  world_.kill(4);
  EXPECT_EQ(job().state, JobState::failed);
  ASSERT_EQ(world_.got<Serve>().size(), 1U);
  EXPECT_TRUE(spares().empty());
  EXPECT_EQ(world_.count_ready("web", 1), 2);
}

TEST_F(BakeTest, GoesBackByItselfWhenTheNewGenerationAnswersWithErrors) {
  answer(1000, 1);
  deploy();
  answer(100, 4);
  world_.pass(1s);
  world_.pass(1s);  // seen, then judged
  EXPECT_TRUE(
      world_.logged(LogLevel::error,
                    "generation 2 is worse than generation 1: 4.0 % of 200 responses were 5xx (before: 0.1 % "
                    "of 2000 responses were 5xx); going back"));
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
  EXPECT_EQ(status().rolled_back,
            "generation 2 is worse than generation 1: 4.0 % of 200 responses were 5xx (before: 0.1 % of 2000 "
            "responses were 5xx)");
}

TEST_F(BakeTest, FailsAReloadThatStillDrains) {
  world_.reload(config_);
  world_.all_ready();
  answer(100, 50);
  world_.pass(2s);
  EXPECT_EQ(world_.supervisor.job(1)->state, JobState::failed);
  EXPECT_NE(world_.supervisor.job(1)->reason.find("is rolled back: generation 2 is worse"),
            std::string::npos);
}

TEST_F(BakeTest, ForgetsWhyItWentBackWithTheNextDeploy) {
  deploy();
  answer(100, 50);
  world_.pass(2s);
  come_to_rest();
  ASSERT_NE(status().rolled_back, "");
  deploy();
  EXPECT_EQ(status().rolled_back, "");
}

TEST_F(BakeTest, BearsWhatTheGenerationBeforeDidToo) {
  answer(1000, 50);
  deploy();
  answer(1000, 100);
  world_.pass(60s);
  EXPECT_EQ(status().generation, 2U);
  EXPECT_TRUE(world_.logged(LogLevel::info, "generation 2 has stood its test"));
}

TEST_F(BakeTest, BearsAFewErrors) {
  deploy();
  world_.workers.at(world_.launches(2).front()).requests = 4;
  world_.workers.at(world_.launches(2).front()).errors = 4;
  world_.pass(60s);
  EXPECT_EQ(status().generation, 2U);
}

TEST_F(BakeTest, GoesBackWhenWorkersCrash) {
  deploy();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status().state, SupervisorState::running);
    world_.kill(world_.launches(2).front());
    world_.pass(10s);
    world_.all_ready();
  }
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
  EXPECT_NE(status().rolled_back.find("3 crashes in "), std::string::npos);
}

TEST_F(BakeTest, GoesBackWhenRequestsTimeOut) {
  SupervisorConfig hasty = config_;
  hasty.pools.front().timeout = 2s;
  deploy(hasty);
  for (int i = 0; i < 3; ++i) {
    const LaunchId hung = world_.launches(2).front();
    world_.workers.at(hung).request_start = world_.now;
    world_.pass(4s);
    if (world_.workers.contains(hung)) world_.exit(hung, {ExitStatus::Kind::signalled, SIGABRT});
    world_.pass(1s);
    world_.all_ready();
  }
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
  EXPECT_NE(status().rolled_back.find("3 timeouts in "), std::string::npos);
}

TEST_F(BakeTest, CountsWhatHappensOnceTheTestIsOverAgainstNobody) {
  deploy();
  world_.pass(60s);
  answer(100, 100);
  world_.pass(100s);
  EXPECT_EQ(status().generation, 2U);
}

TEST_F(BakeTest, GoesBackOnlyOnce) {
  deploy();
  world_.kill(spares().at(0));
  answer(100, 100);
  world_.pass(2s);
  ASSERT_EQ(status().state, SupervisorState::reloading);
  world_.exit(world_.launches(1).front(), {ExitStatus::Kind::exited, 3});
  EXPECT_EQ(status().generation, 2U);
  EXPECT_EQ(status().bakes_until, std::nullopt);
  world_.pass(60s);
  EXPECT_EQ(status().state, SupervisorState::running);
}

TEST_F(BakeTest, MissesNoSpareThatDies) {
  deploy();
  world_.kill(spares().at(0));
  EXPECT_TRUE(world_.logged(LogLevel::warning, "killed by SIGKILL while resting"));
  EXPECT_TRUE(world_.got<Spawn>().empty());
  EXPECT_FALSE(status().pools[0].crash_looping);
  EXPECT_EQ(status().pools[0].failures, 0);
}

class PreloadedBakeTest : public RollbackTest {
 protected:
  PreloadedBakeTest() : RollbackTest(baked(preloaded(2))) {}
};

TEST_F(PreloadedBakeTest, KeepsTheTemplateInsteadOfASpare) {
  const LaunchId old = world_.template_of(1);
  deploy();
  EXPECT_TRUE(world_.templates.contains(old));
  EXPECT_TRUE(spares().empty());
  world_.rollback();
  ASSERT_EQ(world_.got<Spawn>().size(), 1U);
  EXPECT_EQ(world_.got<Spawn>()[0].from, old);
  come_to_rest();
  EXPECT_EQ(status().generation, 1U);
}

TEST_F(PreloadedBakeTest, LetsTheTemplateGoAfterTheTest) {
  const LaunchId old = world_.template_of(1);
  deploy();
  world_.pass(60s);
  EXPECT_TRUE(world_.templates.at(old).told);
}

TEST(Comparison, WeighsCountsByTheTimeOfService) {
  const Conduct before{0, 0, 6, 0, 1h};
  EXPECT_EQ(comparison({0, 0, 3, 0, 1h}, before, 3), "");
  EXPECT_EQ(comparison({0, 0, 3, 0, 10min}, before, 3), "");
  EXPECT_EQ(comparison({0, 0, 3, 0, 5min}, before, 3),
            "3 crashes in 300 s of service (before: 6 crashes in 3600 s of service)");
  EXPECT_EQ(comparison({0, 0, 3, 0, 5min}, before, 10), "");
}

TEST(Comparison, TakesNoErrorsAtAllForOneInAThousand) {
  EXPECT_EQ(comparison({10'000, 29, 0, 0, 1h}, {10'000, 0, 0, 0, 1h}, 3), "");
  EXPECT_EQ(comparison({10'000, 31, 0, 0, 1h}, {10'000, 0, 0, 0, 1h}, 3),
            "0.3 % of 10000 responses were 5xx (before: 0.0 % of 10000 responses were 5xx)");
}

}  // namespace
}  // namespace gserve::core::testing
