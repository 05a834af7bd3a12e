// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

const ExitStatus kBootFailed{ExitStatus::Kind::exited, 3};
const ExitStatus kKilled{ExitStatus::Kind::signalled, SIGKILL};

/// Two ready workers of generation 1 and their template.
class Preload : public ::testing::Test {
 protected:
  Preload() { world_.start_ready(); }
  ~Preload() override { EXPECT_EQ(world_.broken, ""); }

  void reload() { world_.reload(preloaded(2)); }
  JobState job_state() const { return world_.last_job()->state; }
  std::string job_reason() const { return world_.last_job()->reason; }

  World world_{preloaded(2)};
};

TEST(PreloadBoot, WorkersAreForkedFromTheReadyTemplateOnly) {
  World world(preloaded(2));
  world.start();
  ASSERT_EQ(world.templates.size(), 1U);
  EXPECT_TRUE(world.workers.empty());
  const LaunchId origin = world.template_of(1);
  world.ready(origin);
  ASSERT_EQ(world.got<Spawn>().size(), 2U);
  for (const Spawn& spawn : world.got<Spawn>()) EXPECT_EQ(spawn.from, origin);
  EXPECT_EQ(world.got<Spawn>().front().age, 1U);
  EXPECT_EQ(world.broken, "");
}

TEST(PreloadBoot, StatusShowsTheTemplate) {
  World world(preloaded(1));
  world.start();
  const auto templates = world.supervisor.status().templates;
  ASSERT_EQ(templates.size(), 1U);
  EXPECT_EQ(templates.front().state, TemplateState::starting);
  EXPECT_EQ(templates.front().pid, static_cast<Pid>(1000 + templates.front().launch));
  EXPECT_EQ(templates.front().generation, 1U);
  EXPECT_EQ(templates.front().pool, "web");
}

TEST(PreloadBoot, TemplateThatCannotBootEndsTheProgramWithItsCode) {
  for (const int code : {3, 4}) {
    World world(preloaded(2));
    world.start();
    world.send(WorkerBootError{world.template_of(1), "ModuleNotFoundError: no module named app"});
    EXPECT_TRUE(world.logged(LogLevel::error, "no module named app"));
    world.exit_template(world.template_of(1), {ExitStatus::Kind::exited, code});
    EXPECT_EQ(world.exit_code, code);
    EXPECT_EQ(world.broken, "");
  }
}

TEST(PreloadBoot, TemplateThatHangsInImportEndsTheProgram) {
  World world(preloaded(1));
  world.start();
  const LaunchId origin = world.template_of(1);
  world.pass(60s);
  EXPECT_TRUE(world.templates.at(origin).aborted);
  world.pass(1s);
  EXPECT_TRUE(world.templates.at(origin).killed);
  world.exit_template(origin, kKilled);
  EXPECT_EQ(world.exit_code, 3);
  EXPECT_EQ(world.broken, "");
}

TEST(PreloadBoot, TemplateThatIsKilledWhileItBootsIsTriedAgainWithBackOff) {
  World world(preloaded(1));
  world.start();
  world.exit_template(world.template_of(1), kKilled);
  EXPECT_FALSE(world.exit_code);
  EXPECT_TRUE(world.templates.empty());
  EXPECT_GE(world.until_deadline(), 80ms);
  world.pass(world.until_deadline());
  EXPECT_EQ(world.templates.size(), 1U);
  EXPECT_EQ(world.broken, "");
}

TEST(PreloadBoot, EachPoolHasItsOwnTemplate) {
  SupervisorConfig config = preloaded(1);
  config.pools.push_back(config.pools.front());
  config.pools.back().name = "api";
  config.pools.push_back(one_pool(1).pools.front());
  config.pools.back().name = "plain";
  World world(config);
  world.start_ready();
  EXPECT_EQ(world.templates.size(), 2U);
  EXPECT_EQ(world.workers.size(), 3U);
  EXPECT_EQ(world.broken, "");
}

TEST_F(Preload, LostTemplateIsReplacedWhileItsWorkersServe) {
  world_.exit_template(world_.template_of(1), kKilled);
  EXPECT_TRUE(world_.logged(LogLevel::error, "killed by SIGKILL"));
  EXPECT_EQ(world_.count_ready("web"), 2);
  ASSERT_EQ(world_.templates.size(), 1U);
  const LaunchId victim = world_.launches().front();
  world_.kill(victim);  // meanwhile
  EXPECT_EQ(world_.workers.size(), 1U);
  world_.ready(world_.template_of(1));
  world_.pass(1s);  // two deaths so close are a little delay
  EXPECT_EQ(world_.workers.size(), 2U);
}

TEST_F(Preload, TemplateThatKeepsDyingIsNotRestartedInALoop) {
  const int before = world_.spawns;
  const TimePoint end = world_.now + 10min;
  while (world_.now < end) {
    if (const LaunchId origin = world_.template_of(0)) {
      world_.ready(origin);
      world_.exit_template(origin, kKilled);
    } else {
      world_.pass(world_.until_deadline());
    }
  }
  EXPECT_LE(world_.spawns - before, 10 + 600 / 24);
  EXPECT_EQ(world_.count_ready("web"), 2);
}

TEST_F(Preload, ForkThatFailsBacksOff) {
  world_.fail_spawns = true;
  world_.kill(world_.launches().front());
  EXPECT_TRUE(world_.logged(LogLevel::error, "cannot start a worker: no memory; the next one starts in"));
  EXPECT_GE(world_.until_deadline(), 80ms);
  world_.fail_spawns = false;
  world_.pass(world_.until_deadline());
  EXPECT_EQ(world_.workers.size(), 2U);
}

TEST_F(Preload, StuckTemplateIsAbortedAfterTheBootTimeoutAndReplaced) {
  world_.hold_spawns = true;
  const LaunchId origin = world_.template_of(1);
  world_.kill(world_.launches().front());
  world_.pass(60s);
  EXPECT_TRUE(world_.templates.at(origin).aborted);
  world_.pass(1s);
  EXPECT_TRUE(world_.templates.at(origin).killed);
  world_.hold_spawns = false;
  world_.exit_template(origin, kKilled);
  world_.all_ready();
  world_.pass(1s);
  world_.all_ready();
  EXPECT_EQ(world_.count_ready("web"), 2);
  EXPECT_NE(world_.template_of(1), origin);
}

TEST_F(Preload, ReloadForksTheCanaryFromANewTemplateAndEndsTheOldOneLast) {
  reload();
  const LaunchId old = world_.template_of(1);
  const LaunchId fresh = world_.template_of(2);
  EXPECT_EQ(world_.workers.size(), 2U);
  world_.ready(fresh);
  EXPECT_EQ(world_.launches(2).size(), 1U);
  world_.all_ready();
  EXPECT_FALSE(world_.templates.at(old).told);
  world_.all_told_exit();
  EXPECT_EQ(job_state(), JobState::done);
  EXPECT_TRUE(world_.templates.at(old).told);
  EXPECT_FALSE(world_.templates.at(fresh).told);
  world_.exit_template(old, {});
  EXPECT_TRUE(world_.logged(LogLevel::info, "ended"));
}

TEST_F(Preload, ReloadWhoseTemplateCannotBootFailsWithTheTracebackAndChangesNothing) {
  reload();
  const LaunchId fresh = world_.template_of(2);
  world_.send(WorkerBootError{fresh, "SyntaxError: app.py"});
  world_.exit_template(fresh, kBootFailed);
  EXPECT_EQ(job_state(), JobState::failed);
  EXPECT_EQ(job_reason(), "SyntaxError: app.py");
  EXPECT_EQ(world_.templates.size(), 1U);
  EXPECT_EQ(world_.count_ready("web", 1), 2);
  EXPECT_FALSE(world_.supervisor.next_deadline() && world_.until_deadline() < 1s);
}

TEST_F(Preload, ReloadWhoseTemplateHangsIsEndedByTheBootTimeout) {
  reload();
  const LaunchId fresh = world_.template_of(2);
  world_.pass(61s);
  EXPECT_TRUE(world_.templates.at(fresh).killed);
  world_.exit_template(fresh, kKilled);
  EXPECT_EQ(job_state(), JobState::failed);
  EXPECT_NE(job_reason().find("not ready within 60 s"), std::string::npos) << job_reason();
}

TEST_F(Preload, SupersededReloadEndsItsTemplate) {
  reload();
  const LaunchId second = world_.template_of(2);
  reload();
  EXPECT_TRUE(world_.templates.at(second).told);
  EXPECT_FALSE(world_.templates.at(world_.template_of(1)).told);
  world_.pass(1s);
  EXPECT_TRUE(world_.templates.at(second).killed);
  world_.exit_template(second, kKilled);
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job_state(), JobState::done);
}

TEST_F(Preload, TemplateLostInTheMiddleOfAReloadIsReplaced) {
  reload();
  world_.ready(world_.template_of(2));
  world_.exit_template(world_.template_of(2), kKilled);  // after the canary's fork
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job_state(), JobState::done);
  EXPECT_EQ(world_.count_ready("web", 2), 2);
}

TEST_F(Preload, ReloadMayTurnItOffAndOnAgain) {
  world_.reload(one_pool(2));
  EXPECT_EQ(world_.launches(2).size(), 1U);
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job_state(), JobState::done);
  world_.exit_template(world_.template_of(1), {});
  reload();
  EXPECT_EQ(world_.templates.size(), 1U);
  world_.all_ready();
  world_.all_told_exit();
  EXPECT_EQ(job_state(), JobState::done);
}

TEST_F(Preload, ScaleFailsWhenNoTemplateCanBoot) {
  world_.fail_spawns = true;
  world_.exit_template(world_.template_of(1), kKilled);
  world_.scale(3);
  world_.pass(5s);
  EXPECT_EQ(job_state(), JobState::failed);
  EXPECT_NE(job_reason().find("cannot start a template: no memory"), std::string::npos) << job_reason();
  EXPECT_EQ(world_.supervisor.status().target, 3);
}

TEST_F(Preload, StopEndsTheTemplateAfterTheLastWorker) {
  const LaunchId origin = world_.template_of(1);
  world_.stop();
  EXPECT_FALSE(world_.templates.at(origin).told);
  world_.all_told_exit();
  EXPECT_TRUE(world_.templates.at(origin).told);
  EXPECT_FALSE(world_.exit_code);
  world_.exit_template(origin, {});
  EXPECT_EQ(world_.exit_code, 0);
}

TEST_F(Preload, StopKillsATemplateThatDoesNotLeave) {
  const LaunchId origin = world_.template_of(1);
  world_.stop();
  world_.all_told_exit();
  world_.pass(1s);
  EXPECT_TRUE(world_.templates.at(origin).killed);
  world_.exit_template(origin, kKilled);
  EXPECT_EQ(world_.exit_code, 0);
}

TEST_F(Preload, StopIsNotHeldUpByAForkThatNeverComes) {
  world_.hold_spawns = true;
  world_.scale(3);
  world_.stop();
  world_.all_told_exit();
  const LaunchId origin = world_.template_of(1);
  world_.pass(30s);
  EXPECT_TRUE(world_.templates.at(origin).aborted);
  world_.exit_template(origin, kKilled);
  EXPECT_EQ(world_.exit_code, 0);
}

TEST_F(Preload, SecondQuickStopKillsTheTemplateAtOnce) {
  world_.stop(StopMode::quick);
  world_.stop(StopMode::quick);
  EXPECT_TRUE(world_.templates.at(world_.template_of(1)).killed);
}

TEST_F(Preload, NothingIsSaidToATemplateThatIsNotThereYet) {
  world_.hold_spawns = true;
  reload();
  world_.stop(StopMode::quick);
  world_.all_told_exit();
  world_.exit_template(world_.template_of(1), {});
  EXPECT_FALSE(world_.exit_code);
  world_.release();
  EXPECT_TRUE(world_.templates.at(world_.template_of(2)).told);
  world_.exit_template(world_.template_of(2), {});
  EXPECT_EQ(world_.exit_code, 0);
}

}  // namespace
}  // namespace gserve::core::testing
