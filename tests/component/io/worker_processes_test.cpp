// SPDX-License-Identifier: MIT
#include "supervisor/io/worker_processes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "supervisor/io/process_launcher.h"
#include "supervisor/io/start_context.h"
#include "supervisor/io/worker_text.h"
#include "tests/component/io/child.h"
#include "tests/component/io/fake_oom_counter.h"
#include "tests/component/io/recorder.h"

namespace gserve::io {
namespace {

using ::testing::HasSubstr;

class WorkerProcessesTest : public ::testing::Test {
 protected:
  WorkerProcessesTest() {
    context_.environment = {{"COLOUR", "blue"},
                            {"NOTIFY_SOCKET", "/run/systemd/notify"},
                            {"LISTEN_FDS", "1"},
                            {"WATCHDOG_USEC", "1000000"},
                            {"PYTHONPATH", "/mine"}};
    settings_.set("wsgi_app", std::string("app:app"), config::Source::command_line);
    settings_.set("chdir", directory_.path(), config::Source::command_line);
  }
  ~WorkerProcessesTest() override {
    if (!deployments_) return;
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    if (pid_ > 0) reap_child(pid_);
  }

  std::string report_path() const { return directory_.path() + "/report"; }

  /// Starts launch 7 as a mock worker that does `script`.
  WorkerProcesses& start(const std::string& script, const std::string& python = GSERVE_MOCK_WORKER) {
    settings_.set("raw_env",
                  std::vector<std::string>{"MOCK_WORKER=" + script, "MOCK_REPORT=" + report_path()},
                  config::Source::command_line);
    deployments_.emplace(context_, Deployment{settings_, python}, journal_);
    LaunchSurroundings surroundings;
    surroundings.instance = "test";
    surroundings.notify_path = notify_.path();
    surroundings.python_directory = "/opt/gserve/python";
    surroundings.environment = context_.environment;
    surroundings.descriptors = [this] { return shared_; };
    launcher_.emplace(process_launcher_, surroundings);
    workers_.emplace(*launcher_, *deployments_, journal_, oom_counter_);
    auto result = workers_->spawn(core::Spawn{7, "web", 1, 1}).value();
    if (const auto* pid = std::get_if<core::Pid>(&result)) pid_ = *pid;
    if (const auto* reason = std::get_if<std::string>(&result)) reason_ = *reason;
    return *workers_;
  }

  std::vector<core::Event> next_events() {
    EXPECT_TRUE(testing::readable(notify_.fd()));
    std::vector<core::Event> events;
    for (const WorkerMessage& message : notify_.receive()) {
      for (core::Event& event : workers_->understand(message)) events.push_back(std::move(event));
    }
    return events;
  }

  std::string error_log() const {
    std::ifstream log(directory_.path() + "/error.log");
    return {std::istreambuf_iterator<char>(log), {}};
  }

  /// Waits for the worker's end.
  std::optional<core::WorkerExited> end() {
    std::optional<core::WorkerExited> exited;
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    reap_children([] {},
                  [&](const Reaped& reaped) {
                    for (const core::Event& event : workers_->ended(reaped))
                      exited = std::get<core::WorkerExited>(event);
                  });
    pid_ = 0;
    return exited;
  }

  testing::TemporaryDirectory directory_;
  testing::RecordingJournal journal_;
  NotifySocket notify_{{directory_.path()}};
  StartContext context_;
  config::Settings settings_;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  UniqueFd error_log_{
      ::open((directory_.path() + "/error.log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
  SharedDescriptors shared_{{listener_.get(), listener_.get()}, error_log_.get(), -1};
  BoostProcessLauncher process_launcher_{rlimit{256, 256}};
  std::optional<Deployments> deployments_;
  std::optional<WorkerLauncher> launcher_;
  testing::FakeOomCounter oom_counter_;
  std::optional<WorkerProcesses> workers_;
  core::Pid pid_ = 0;
  std::string reason_;
};

TEST_F(WorkerProcessesTest, WorkerIsBornWithWhatTheContractSays) {
  start("report ready exit 0");
  next_events();
  auto report = testing::read_report(report_path());
  EXPECT_EQ(report["LISTEN_FDNAMES"],
            "settings:lifeline:errorlog:incident:listener:listener:handover_out:handover_in:scoreboard");
  EXPECT_EQ(report["LISTEN_FDS"], "9");
  EXPECT_EQ(report["LISTEN_PID"], report["pid"]);
  EXPECT_EQ(report["fds"], "0,1,2,3,4,5,6,7,8,9,10,11");
  EXPECT_EQ(report["NOTIFY_SOCKET"], notify_.path());
  EXPECT_EQ(report["GSERVE_LAUNCH_ID"], "7");
  EXPECT_EQ(report["GSERVE_PYTHON_DIR"], "/opt/gserve/python");
  EXPECT_EQ(report["PYTHONPATH"], "/opt/gserve/python:/mine");
  EXPECT_EQ(report["COLOUR"], "blue");
  EXPECT_EQ(report.count("WATCHDOG_USEC"), 0U);
  EXPECT_EQ(report["cwd"], directory_.path());
  EXPECT_THAT(report["argv"], HasSubstr(" -P -m gserve worker"));
}

TEST_F(WorkerProcessesTest, AccessLogIsPassedWhenItIsOn) {
  shared_.access_log = error_log_.get();
  start("report ready exit 0");
  next_events();
  EXPECT_THAT(testing::read_report(report_path())["LISTEN_FDNAMES"],
              HasSubstr(":listener:listener:accesslog:handover_out:handover_in:"));
}

TEST_F(WorkerProcessesTest, ReadyAndBootErrorBecomeEvents) {
  start("boot-error ready exit 3");
  std::vector<core::Event> events;
  while (events.size() < 2) {
    for (core::Event& event : next_events()) events.push_back(std::move(event));
  }
  EXPECT_EQ(std::get<core::WorkerBootError>(events[0]).reason, "ImportError: no module named app");
  EXPECT_EQ(std::get<core::WorkerReady>(events[1]).launch, 7U);
  const auto exited = end();
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->launch, 7U);
  EXPECT_EQ(exited->status.code, 3);
}

TEST_F(WorkerProcessesTest, WorkerThatAsksForItIsDue) {
  start("recycle hang");
  const auto events = next_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<core::WorkerDue>(events[0]).launch, 7U);
  EXPECT_EQ(std::get<core::WorkerDue>(events[0]).reason, "max_requests");
}

TEST_F(WorkerProcessesTest, WorkerTellsOfAChangedFile) {
  start("changed hang");
  const auto events = next_events();
  ASSERT_EQ(events.size(), 1U);
  const auto& changed = std::get<core::CodeChanged>(events[0]);
  EXPECT_EQ(changed.launch, 7U);
  EXPECT_EQ(changed.stamp, "77-5");
  EXPECT_EQ(changed.path, "/srv/app.py");
}

TEST_F(WorkerProcessesTest, StrangerCannotSpeakForAWorker) {
  start("stranger exit 0");
  EXPECT_TRUE(next_events().empty());
  EXPECT_THAT(journal_.text(), HasSubstr("the sender is not that worker"));
}

TEST_F(WorkerProcessesTest, MessageAfterTheEndIsIgnored) {
  start("ready exit 0");
  end();
  EXPECT_TRUE(next_events().empty());
}

TEST_F(WorkerProcessesTest, MissingInterpreterIsOneLineAndNoWorker) {
  start("ready", "/nonexistent/python3");
  EXPECT_EQ(reason_,
            "cannot start /nonexistent/python3 in " + directory_.path() + ": No such file or directory");
  EXPECT_EQ(pid_, 0);
}

TEST_F(WorkerProcessesTest, UnknownGenerationIsRefused) {
  WorkerProcesses& workers = start("hang");
  const auto result = workers.spawn(core::Spawn{8, "web", 99, 2}).value();
  EXPECT_EQ(std::get<std::string>(result), "no configuration for generation 99");
}

TEST_F(WorkerProcessesTest, SampleShowsTheOldestRequest) {
  WorkerProcesses& workers = start("busy ready hang");
  next_events();
  const auto sampled = workers.sample({7});
  EXPECT_EQ(sampled.rss_bytes, 0U);
  EXPECT_GT(workers.sample({7, true}).rss_bytes, 100'000U);
  EXPECT_EQ(sampled.request_line, "GET /endless HTTP/1.1");
  EXPECT_EQ(sampled.in_flight, 1);
  ASSERT_TRUE(sampled.oldest_start);
  EXPECT_LT(std::chrono::steady_clock::now() - *sampled.oldest_start, std::chrono::seconds(30));
  EXPECT_FALSE(workers.sample({99, true}).oldest_start);
}

TEST_F(WorkerProcessesTest, WhatItAnsweredIsToldWhileItLivesAndAtItsEnd) {
  WorkerProcesses& workers = start("crowded exit 0");
  next_events();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (workers.sample({7}).requests < 2 && std::chrono::steady_clock::now() < limit) ::usleep(1000);
  const auto sampled = workers.sample({7});
  EXPECT_GE(sampled.requests, 2U);
  EXPECT_EQ(sampled.errors, sampled.requests / 2) << "each second one is answered with 500";
  workers.signal(7, SIGTERM);
  const auto exited = end();
  ASSERT_TRUE(exited);
  EXPECT_GE(exited->requests, sampled.requests);
  EXPECT_EQ(exited->errors, exited->requests / 2);
}

TEST_F(WorkerProcessesTest, WorkerIsToldToRestAndToServe) {
  WorkerProcesses& workers = start("take-word take-word exit 0");
  workers.rest(7);
  workers.serve(7);
  workers.rest(99);
  end();
  EXPECT_EQ(error_log(), "took rest\ntook serve\n");
  EXPECT_EQ(journal_.text(), "");
}

TEST_F(WorkerProcessesTest, WorkerThatDoesNotTakeTheMessageIsNamedAndToldToDrain) {
  WorkerProcesses& workers = start("hang");
  for (int i = 0; i < 10000 && journal_.text().empty(); ++i) workers.rest(7);
  EXPECT_THAT(
      journal_.text(),
      HasSubstr("the worker did not take the message to rest, so it is told to drain: Resource temporarily"));
  EXPECT_EQ(end()->status.code, SIGTERM);
}

TEST_F(WorkerProcessesTest, WorkerThatCannotBePromotedIsKilled) {
  WorkerProcesses& workers = start("hang");
  for (int i = 0; i < 10000 && journal_.text().empty(); ++i) workers.hand_over_logs();
  workers.promote(7);
  EXPECT_EQ(end()->status.code, SIGKILL);
  EXPECT_THAT(journal_.text(), HasSubstr("cannot make the worker a template, killing it: it did not take"));
}

TEST_F(WorkerProcessesTest, ReportJoinsScoreboardAndMemory) {
  WorkerProcesses& workers = start("busy ready hang");
  next_events();
  const auto now = std::chrono::steady_clock::now();
  const auto report = workers.report(
      {7, pid_, "web", core::WorkerState::ready, 1, now - std::chrono::seconds(5), "memory", true}, now);
  EXPECT_EQ(report.due, "memory");
  EXPECT_TRUE(report.spare);
  EXPECT_EQ(report.pid, pid_);
  EXPECT_EQ(report.age, std::chrono::seconds(5));
  EXPECT_GT(report.rss_bytes, 0U);
  EXPECT_EQ(report.in_flight, 1U);
  EXPECT_EQ(report.request, "GET /endless HTTP/1.1");
}

TEST_F(WorkerProcessesTest, SignalReachesTheWorkerAndNothingElse) {
  WorkerProcesses& workers = start("ready hang");
  next_events();
  workers.signal(99, SIGKILL);
  workers.signal(7, SIGTERM);
  const auto exited = end();
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->status, (core::ExitStatus{core::ExitStatus::Kind::signalled, SIGTERM, false}));
  workers.signal(7, SIGTERM);
}

TEST_F(WorkerProcessesTest, DeathByTheKernelForLackOfMemoryIsNamed) {
  start("ready hang");
  next_events();
  ++*oom_counter_.count;
  ::kill(pid_, SIGKILL);
  EXPECT_TRUE(end()->status.out_of_memory);
}

TEST_F(WorkerProcessesTest, OtherDeathsAreNotBlamedOnMemory) {
  start("ready hang");
  ::kill(pid_, SIGKILL);
  EXPECT_FALSE(end()->status.out_of_memory) << "nothing was counted";
  WorkerProcesses& workers = start("ready hang");
  ++*oom_counter_.count;
  workers.signal(7, SIGKILL);
  EXPECT_FALSE(end()->status.out_of_memory) << "it was us";
  start("ready hang");
  ++*oom_counter_.count;
  ::kill(pid_, SIGTERM);
  EXPECT_FALSE(end()->status.out_of_memory) << "the kernel would not ask";
}

TEST_F(WorkerProcessesTest, StacksOfAWorkerAreLoggedWithItsRequest) {
  start("busy dump exit 1");
  end();
  EXPECT_THAT(journal_.text(), HasSubstr("it was running: GET /endless HTTP/1.1\nThread 0x1"));
  EXPECT_THAT(journal_.text(), HasSubstr("File \"app.py\", line 7 in view"));
}

TEST_F(WorkerProcessesTest, WhatAWorkerLeavesGoesToTheHeirBeforeItIsLogged) {
  WorkerProcesses& workers = start("busy busy-too dump exit 1");
  const core::Pid pid = pid_;
  std::vector<Remains> left;
  workers.set_heir([&](const Remains& remains) {
    EXPECT_EQ(journal_.text(), "");
    left.push_back(remains);
  });
  end();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].launch, 7U);
  EXPECT_EQ(left[0].pid, pid);
  EXPECT_EQ(left[0].in_flight, 2U);
  ASSERT_EQ(left[0].requests.size(), 2U);
  EXPECT_EQ(left[0].requests[0].line, "GET /endless HTTP/1.1");
  EXPECT_EQ(left[0].requests[1].line, "POST /too HTTP/1.1");
  EXPECT_GE(left[0].requests[0].age, left[0].requests[1].age);
  EXPECT_GE(left[0].requests[1].age, core::Duration::zero());
  EXPECT_LT(left[0].requests[0].age, std::chrono::seconds(30));
  EXPECT_THAT(left[0].stacks, HasSubstr("File \"app.py\", line 7 in view"));
  EXPECT_NE(journal_.text(), "");
}

TEST_F(WorkerProcessesTest, WhoHasNoScoreboardLeavesNothing) {
  WorkerProcesses& workers = start("exit 1");
  std::vector<Remains> left;
  workers.set_heir([&](const Remains& remains) { left.push_back(remains); });
  end();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].in_flight, 0U);
  EXPECT_TRUE(left[0].requests.empty());
  EXPECT_EQ(left[0].stacks, "");
  EXPECT_EQ(journal_.text(), "");
}

TEST_F(WorkerProcessesTest, ProcessThatIsNoWorkerIsCountedAsAnOrphan) {
  WorkerProcesses& workers = start("hang");
  EXPECT_TRUE(workers.ended({1, {}}).empty());
  EXPECT_EQ(workers.orphans(), 1U);
}

TEST_F(WorkerProcessesTest, LosingTheSupervisorEndsTheLifeline) {
  start("serve");
  next_events();
  workers_.reset();  // drops our end of the lifeline
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_status, 0);
  pid_ = 0;
}

TEST_F(WorkerProcessesTest, ReopenedLogsArriveOnTheLifeline) {
  shared_.access_log = listener_.get();
  WorkerProcesses& workers = start("take-logs exit 0");
  workers.hand_over_logs();
  const auto exited = end();
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->status.code, 0);
  EXPECT_EQ(error_log(), "took logs with 2 descriptors\n");
}

TEST(WordTest, IsShortAndHarmless) {
  EXPECT_EQ(printable_word("max_requests"), "max_requests");
  EXPECT_EQ(printable_word("a b\x1b[2J"), "a?b??2J");
  EXPECT_EQ(printable_word(std::string(100, 'x')), std::string(32, 'x'));
}

TEST(BootErrorTest, IsDecodedAndFitForATerminal) {
  EXPECT_EQ(decode_boot_error(R"("line 1\nline \u001b[31m2")"), "line 1\nline \\x1b[31m2");
  EXPECT_EQ(decode_boot_error("no json"), "no json");
}

}  // namespace
}  // namespace gserve::io
