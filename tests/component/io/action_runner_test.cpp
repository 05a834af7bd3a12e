// SPDX-License-Identifier: MIT
#include "supervisor/io/action_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/io/engine.h"
#include "tests/component/io/recorder.h"

namespace gserve::io {
namespace {

using ::testing::Return;
using ::testing::StrictMock;

struct MockWorkers : ports::Workers {
  MOCK_METHOD(std::optional<Started>, spawn, (const core::Spawn&), (override));
  MOCK_METHOD(Started, spawn_template, (const core::SpawnTemplate&), (override));
  MOCK_METHOD(void, signal, (core::LaunchId, int), (override));
  MOCK_METHOD(void, rest, (core::LaunchId), (override));
  MOCK_METHOD(void, serve, (core::LaunchId), (override));
  MOCK_METHOD(void, promote, (core::LaunchId), (override));
  MOCK_METHOD(core::ScoreboardSampled, sample, (const core::SampleScoreboard&), (override));
  MOCK_METHOD(void, hand_over_logs, (), (override));
};
struct MockConfiguration : ports::Configuration {
  MOCK_METHOD(std::optional<Loaded>, load, (core::JobId), (override));
  MOCK_METHOD(void, adopt, (core::JobId, core::Generation), (override));
  MOCK_METHOD(void, copy, (core::Generation, core::Generation), (override));
  MOCK_METHOD(void, forget, (core::Generation), (override));
};
struct MockListeners : ports::Listeners {
  MOCK_METHOD(void, stop_listening, (), (override));
};
struct MockNotifier : ports::Notifier {
  MOCK_METHOD(void, ready, (const std::string&), (override));
  MOCK_METHOD(void, reloading, (), (override));
  MOCK_METHOD(void, stopping, (), (override));
  MOCK_METHOD(void, status, (const std::string&), (override));
  MOCK_METHOD(void, extend_timeout, (core::Duration), (override));
  MOCK_METHOD(void, watchdog, (), (override));
};
struct MockUpgrader : ports::Upgrader {
  MOCK_METHOD(std::string, check, (core::JobId, const std::string&), (override));
  MOCK_METHOD(void, reexecute, (core::JobId), (override));
  MOCK_METHOD(void, give_up, (core::JobId), (override));
};
struct MockIncidents : ports::Incidents {
  MOCK_METHOD(void, record, (const core::RecordIncident&), (override));
};
struct MockControl : ports::ControlBus {
  MOCK_METHOD(void, accepted, (core::RequestId, core::JobId), (override));
  MOCK_METHOD(void, refused, (core::RequestId, const std::string&), (override));
  MOCK_METHOD(void, job_progress, (core::JobId, const std::string&), (override));
  MOCK_METHOD(void, job_finished, (core::JobId, core::JobState, const std::string&), (override));
};

class ActionRunnerTest : public ::testing::Test {
 protected:
  StrictMock<MockWorkers> workers_;
  StrictMock<MockConfiguration> configuration_;
  StrictMock<MockListeners> listeners_;
  StrictMock<MockNotifier> notifier_;
  StrictMock<MockUpgrader> upgrader_;
  StrictMock<MockIncidents> incidents_;
  StrictMock<MockControl> control_;
  testing::RecordingJournal journal_;
  std::vector<core::Event> answers_;
  ActionPorts ports_{workers_,  configuration_, journal_,   listeners_,
                     notifier_, upgrader_,      incidents_, &control_};
  ActionRunner runner_{ports_, [this](core::Event event) { answers_.push_back(std::move(event)); }};
};

TEST_F(ActionRunnerTest, SpawnIsAnsweredWithThePidOrTheReason) {
  EXPECT_CALL(workers_, spawn).WillOnce(Return(core::Pid{42})).WillOnce(Return(std::string("no memory")));
  runner_.run({core::Spawn{1, "web", 1, 1}, core::Spawn{2, "web", 1, 2}});
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(std::get<core::WorkerSpawned>(answers_[0]).pid, 42);
  EXPECT_EQ(std::get<core::WorkerSpawnFailed>(answers_[1]).launch, 2U);
  EXPECT_EQ(std::get<core::WorkerSpawnFailed>(answers_[1]).reason, "no memory");
}

TEST_F(ActionRunnerTest, SpawnFromATemplateIsAnsweredLater) {
  EXPECT_CALL(workers_, spawn).WillOnce(Return(std::nullopt));
  EXPECT_CALL(workers_, spawn_template).WillOnce(Return(core::Pid{43})).WillOnce(Return(std::string("no")));
  runner_.run(
      {core::Spawn{1, "web", 1, 1, 7}, core::SpawnTemplate{7, "web", 1}, core::SpawnTemplate{8, "web", 1}});
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(std::get<core::WorkerSpawned>(answers_[0]).launch, 7U);
  EXPECT_EQ(std::get<core::WorkerSpawned>(answers_[0]).pid, 43);
  EXPECT_EQ(std::get<core::WorkerSpawnFailed>(answers_[1]).launch, 8U);
}

TEST_F(ActionRunnerTest, LoadIsAnsweredWithTheConfigurationOrTheReason) {
  core::SupervisorConfig config;
  config.pools[0].workers = 3;
  EXPECT_CALL(configuration_, load(8)).WillOnce(Return(config)).WillOnce(Return(std::string("bad")));
  runner_.run({core::LoadConfig{8}, core::LoadConfig{8}});
  EXPECT_EQ(std::get<core::ConfigLoaded>(answers_.at(0)).config.pools[0].workers, 3);
  EXPECT_EQ(std::get<core::ConfigRejected>(answers_.at(1)).reason, "bad");
}

TEST_F(ActionRunnerTest, CheckOfAnUpgradeIsAnsweredAtOnceOnlyIfItCannotBegin) {
  EXPECT_CALL(upgrader_, check(8, "/new")).WillOnce(Return("")).WillOnce(Return("no such file"));
  runner_.run({core::CheckUpgrade{8, "/new"}, core::CheckUpgrade{8, "/new"}});
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(std::get<core::UpgradeChecked>(answers_[0]).reason, "no such file");
}

TEST_F(ActionRunnerTest, EveryOtherActionGoesToItsPort) {
  const ::testing::InSequence in_order;
  EXPECT_CALL(workers_, signal(3, 15));
  EXPECT_CALL(workers_, rest(3));
  EXPECT_CALL(workers_, serve(4));
  EXPECT_CALL(workers_, promote(5));
  EXPECT_CALL(workers_, sample(::testing::Field(&core::SampleScoreboard::launch, 3)))
      .WillOnce(Return(core::ScoreboardSampled{3, std::nullopt, "", 0}));
  EXPECT_CALL(configuration_, adopt(8, 2));
  EXPECT_CALL(configuration_, copy(2, 3));
  EXPECT_CALL(configuration_, forget(1));
  EXPECT_CALL(upgrader_, reexecute(8));
  EXPECT_CALL(upgrader_, give_up(8));
  EXPECT_CALL(listeners_, stop_listening());
  EXPECT_CALL(workers_, hand_over_logs());
  EXPECT_CALL(notifier_, ready("up"));
  EXPECT_CALL(notifier_, reloading());
  EXPECT_CALL(notifier_, stopping());
  EXPECT_CALL(notifier_, status("busy"));
  EXPECT_CALL(notifier_, extend_timeout(core::Duration(5)));
  EXPECT_CALL(notifier_, watchdog());
  EXPECT_CALL(incidents_, record(::testing::Field(&core::RecordIncident::launch, 3)));
  EXPECT_CALL(control_, accepted(1, 8));
  EXPECT_CALL(control_, refused(2, "no"));
  EXPECT_CALL(control_, job_progress(8, "half"));
  EXPECT_CALL(control_, job_finished(8, core::JobState::done, ""));
  runner_.run({core::SignalWorker{3, 15},
               core::Rest{3},
               core::Serve{4},
               core::Promote{5},
               core::SampleScoreboard{3},
               core::AdoptConfig{8, 2},
               core::CopyConfig{2, 3},
               core::ForgetGeneration{1},
               core::Reexecute{8},
               core::GiveUpUpgrade{8},
               core::StopListening{},
               core::ReopenLogs{},
               core::NotifyReady{"up"},
               core::NotifyReloading{},
               core::NotifyStopping{},
               core::NotifyStatus{"busy"},
               core::NotifyExtendTimeout{core::Duration(5)},
               core::NotifyWatchdog{},
               core::RecordIncident{3, core::IncidentKind::crash, false, "web", 1, 42, "killed", ""},
               core::JobAccepted{1, 8},
               core::JobRefused{2, "no"},
               core::JobProgress{8, "half"},
               core::JobFinished{8, core::JobState::done, ""},
               core::Log{core::LogLevel::info, "hello", 0, 0},
               core::Exit{3}});
  EXPECT_EQ(journal_.reopened, 1);
  EXPECT_EQ(journal_.text(), "hello\n");
  EXPECT_EQ(runner_.exit_code(), 3);
}

TEST_F(ActionRunnerTest, WithoutAControlInterfaceJobsGoOn) {
  runner_.set_control(nullptr);
  runner_.run({core::JobAccepted{1, 8}, core::JobRefused{2, "no"}, core::JobProgress{8, "half"},
               core::JobFinished{8, core::JobState::done, ""}});
  EXPECT_FALSE(runner_.exit_code());
}

/// An event delivered while another is handled waits for its turn.
TEST_F(ActionRunnerTest, EngineDoesNotRecurse) {
  ::testing::NiceMock<MockNotifier> notifier;
  ActionPorts ports{workers_, configuration_, journal_, listeners_, notifier, upgrader_, incidents_};
  int settled = 0;
  Engine* engine = nullptr;
  Engine made(core::Supervisor(core::SupervisorConfig{}, 1), ports, [&] { ++settled; });
  engine = &made;
  int depth = 0;
  EXPECT_CALL(workers_, spawn).WillOnce([&](const core::Spawn&) {
    EXPECT_EQ(++depth, 1);
    engine->deliver(core::TimePassed{});
    EXPECT_EQ(settled, 0);
    --depth;
    return std::variant<core::Pid, std::string>(core::Pid{42});
  });
  made.deliver(core::Started{});
  EXPECT_EQ(settled, 1);
  EXPECT_EQ(made.supervisor().status().workers.at(0).pid, 42);
}

}  // namespace
}  // namespace gserve::io
