// SPDX-License-Identifier: MIT
// Workers that are forked from templates: real processes without Python, and one that dies at every step.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/io/process_launcher.h"
#include "supervisor/io/start_context.h"
#include "supervisor/io/worker_processes.h"
#include "tests/component/io/child.h"
#include "tests/component/io/fake_oom_counter.h"
#include "tests/component/io/recorder.h"

namespace gserve::io {
namespace {

using ::testing::HasSubstr;
using Events = std::vector<core::Event>;

constexpr core::LaunchId kTemplate = 1;
constexpr core::LaunchId kWorker = 2;

/// Launch 1 is a template; what it and its workers do is up to the test. Events come as the shell would
/// deliver them: everything that was said, then what has ended.
class TemplateProcessesTest : public ::testing::Test {
 protected:
  TemplateProcessesTest() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

  ~TemplateProcessesTest() override {
    for (core::LaunchId launch = kTemplate; launch < 40; ++launch) workers_->signal(launch, SIGKILL);
    workers_.reset();  // the end of all lifelines
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  /// Starts the template, and asks it for a worker as soon as it is ready.
  void start(const std::string& how, const std::string& worker = "ready hang") {
    start_template(how, worker);
    ask(kWorker);
  }

  void start_template(const std::string& how, const std::string& worker = "ready hang") {
    prepare(how, worker);
    const auto started = workers_->spawn_template(core::SpawnTemplate{kTemplate, "web", 1});
    template_pid_ = std::get<core::Pid>(started);
    ASSERT_TRUE(await<core::WorkerReady>(kTemplate));
  }

  /// Launch 1 as a worker that waits to become a template.
  void start_candidate(const std::string& how) {
    prepare("", how);
    const auto started = workers_->spawn(core::Spawn{kTemplate, "web", 1, 1}).value();
    template_pid_ = std::get<core::Pid>(started);
    ASSERT_TRUE(await<core::WorkerReady>(kTemplate));
    seen_.clear();
  }

  void prepare(const std::string& how, const std::string& worker) {
    settings_.set("wsgi_app", std::string("app:app"), config::Source::command_line);
    settings_.set("chdir", directory_.path(), config::Source::command_line);
    settings_.set("raw_env",
                  std::vector<std::string>{"MOCK_TEMPLATE=" + how, "MOCK_WORKER=" + worker,
                                           "MOCK_REPORT=" + report_path()},
                  config::Source::command_line);
    deployments_.emplace(context_, Deployment{settings_, GSERVE_MOCK_WORKER}, journal_);
    LaunchSurroundings surroundings;
    surroundings.instance = "test";
    surroundings.notify_path = notify_.path();
    surroundings.descriptors = [this] { return shared_; };
    launcher_.emplace(process_launcher_, surroundings);
    workers_.emplace(*launcher_, *deployments_, journal_, oom_counter_);
    workers_->set_watch([this](int fd, bool on) { watched_ = on ? fd : -1; });
  }

  void ask(core::LaunchId launch) {
    const auto answer = workers_->spawn(core::Spawn{launch, "web", 1, launch, kTemplate});
    EXPECT_FALSE(answer) << std::get<std::string>(*answer);
  }

  void note(Events events) {
    for (core::Event& event : events) seen_.push_back(std::move(event));
  }

  void hear() {
    note(workers_->hear_templates());
    for (const WorkerMessage& message : notify_.receive()) note(workers_->understand(message));
  }

  /// One turn of the shell's loop.
  void turn() {
    hear();
    reap_children([this] { hear(); }, [this](const Reaped& reaped) { note(workers_->ended(reaped)); });
  }

  template <typename Kind>
  const Kind* seen(core::LaunchId launch) const {
    for (const core::Event& event : seen_) {
      const Kind* found = std::get_if<Kind>(&event);
      if (found && found->launch == launch) return found;
    }
    return nullptr;
  }

  template <typename Kind>
  const Kind* await(core::LaunchId launch) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!seen<Kind>(launch) && std::chrono::steady_clock::now() < limit) {
      turn();
      pollfd sources[] = {{notify_.fd(), POLLIN, 0}, {watched_, POLLIN, 0}};
      ::poll(sources, 2, 2);  // children announce themselves by no descriptor here
    }
    return seen<Kind>(launch);
  }

  std::size_t position(core::LaunchId launch, std::size_t kind) const {
    const auto launch_of = [](const core::Event& event) -> core::LaunchId {
      if (const auto* e = std::get_if<core::WorkerSpawned>(&event)) return e->launch;
      if (const auto* e = std::get_if<core::WorkerSpawnFailed>(&event)) return e->launch;
      if (const auto* e = std::get_if<core::WorkerReady>(&event)) return e->launch;
      if (const auto* e = std::get_if<core::WorkerExited>(&event)) return e->launch;
      return 0;
    };
    std::size_t at = 0;
    while (at < seen_.size() && (seen_[at].index() != kind || launch_of(seen_[at]) != launch)) ++at;
    return at;
  }
  template <typename Kind>
  std::size_t position(core::LaunchId launch) const {
    return position(launch, core::Event(Kind{launch, {}}).index());
  }

  std::string report_path() const { return directory_.path() + "/report"; }

  testing::TemporaryDirectory directory_;
  testing::RecordingJournal journal_;
  NotifySocket notify_{{directory_.path()}};
  StartContext context_;
  config::Settings settings_;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  SharedDescriptors shared_{{listener_.get(), listener_.get()}, STDERR_FILENO, -1};
  BoostProcessLauncher process_launcher_{rlimit{256, 256}};
  testing::FakeOomCounter oom_counter_;
  std::optional<Deployments> deployments_;
  std::optional<WorkerLauncher> launcher_;
  std::optional<WorkerProcesses> workers_;
  core::Pid template_pid_ = 0;
  int watched_ = -1;
  Events seen_;
};

TEST_F(TemplateProcessesTest, TemplateIsBornWithWhatTheContractSays) {
  start("report ready fork-deaf");
  auto report = testing::read_report(report_path());
  EXPECT_EQ(report["LISTEN_FDNAMES"], "settings:lifeline:errorlog:incident:template");
  EXPECT_EQ(report["GSERVE_LAUNCH_ID"], "1");
  EXPECT_THAT(report["argv"], HasSubstr(" -P -m gserve template"));
}

TEST_F(TemplateProcessesTest, ForkedWorkerIsOurChildAndItsPidIsTold) {
  start("ready fork", "ready exit 9");
  const auto* exited = await<core::WorkerExited>(kWorker);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->status, (core::ExitStatus{core::ExitStatus::Kind::exited, 9, false}));
  ASSERT_TRUE(seen<core::WorkerSpawned>(kWorker));
  EXPECT_NE(seen<core::WorkerSpawned>(kWorker)->pid, template_pid_);
  EXPECT_TRUE(seen<core::WorkerReady>(kWorker));
  EXPECT_LT(position<core::WorkerSpawned>(kWorker), position<core::WorkerExited>(kWorker));
  EXPECT_FALSE(seen<core::WorkerExited>(kTemplate));
  EXPECT_EQ(workers_->orphans(), 0U);
}

TEST_F(TemplateProcessesTest, ForkedWorkerHoldsItsOwnDescriptorsOnly) {
  start("ready fork", "report ready hang");
  ASSERT_TRUE(await<core::WorkerReady>(kWorker));
  auto report = testing::read_report(report_path());
  // settings, lifeline, error log, incident, two listeners, both ends of the hand-over queue, scoreboard
  const auto count = std::count(report["fds"].begin(), report["fds"].end(), ',') + 1;
  EXPECT_EQ(count, 3 + 9) << report["fds"];
}

TEST_F(TemplateProcessesTest, ManyWorkersComeFromOneTemplate) {
  start("ready fork");
  for (core::LaunchId launch = kWorker + 1; launch < kWorker + 20; ++launch) ask(launch);
  for (core::LaunchId launch = kWorker; launch < kWorker + 20; ++launch) {
    EXPECT_TRUE(await<core::WorkerReady>(launch)) << launch;
  }
}

TEST_F(TemplateProcessesTest, WhatAWorkerSaysBeforeItIsIntroducedIsKept) {
  start("ready fork-ready-first", "hang");
  ASSERT_TRUE(await<core::WorkerReady>(kWorker));
  EXPECT_LT(position<core::WorkerSpawned>(kWorker), seen_.size());
  EXPECT_THAT(journal_.text(), ::testing::Not(HasSubstr("ignored")));
}

TEST_F(TemplateProcessesTest, ExitOfAWorkerNeverComesBeforeItsIntroduction) {
  start("ready fork", "exit 1");
  for (core::LaunchId launch = kWorker + 1; launch < kWorker + 30; ++launch) ask(launch);
  for (core::LaunchId launch = kWorker; launch < kWorker + 30; ++launch) {
    ASSERT_TRUE(await<core::WorkerExited>(launch)) << launch;
    EXPECT_LT(position<core::WorkerSpawned>(launch), position<core::WorkerExited>(launch)) << launch;
  }
}

TEST_F(TemplateProcessesTest, ForkThatFailsIsToldWithItsReason) {
  start("ready fork-fails");
  const auto* failed = await<core::WorkerSpawnFailed>(kWorker);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->reason, "no memory");
}

TEST_F(TemplateProcessesTest, TemplateThatDiesOfARequestFailsItBeforeItsOwnExit) {
  start("ready fork-last");
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  ASSERT_TRUE(seen<core::WorkerSpawnFailed>(kWorker));
  EXPECT_EQ(seen<core::WorkerSpawnFailed>(kWorker)->reason, "its template ended before it had forked it");
  EXPECT_LT(position<core::WorkerSpawnFailed>(kWorker), position<core::WorkerExited>(kTemplate));
  EXPECT_EQ(watched_, -1);
}

TEST_F(TemplateProcessesTest, KilledStuckTemplateFailsAllItsRequests) {
  start("ready fork-deaf");
  ask(kWorker + 1);
  workers_->signal(kTemplate, SIGKILL);
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  EXPECT_TRUE(seen<core::WorkerSpawnFailed>(kWorker));
  EXPECT_TRUE(seen<core::WorkerSpawnFailed>(kWorker + 1));
  EXPECT_EQ(std::get<std::string>(*workers_->spawn(core::Spawn{9, "web", 1, 9, kTemplate})),
            "its template has ended");
}

TEST_F(TemplateProcessesTest, MiddleThatDiesUnheardIsAFailedForkAndItsWorkerLeaves) {
  start("ready fork-loses-middle", "serve");
  const auto* failed = await<core::WorkerSpawnFailed>(kWorker);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->reason, "the template has not forked it");
  // Nobody holds the other end of its lifeline: it ends, and comes to us as an orphan.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (workers_->orphans() == 0 && std::chrono::steady_clock::now() < limit) turn();
  EXPECT_EQ(workers_->orphans(), 1U);
}

TEST_F(TemplateProcessesTest, TemplateThatDiesDuringAForkLosesNothing) {
  start("ready fork-orphans", "serve");
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  // Whether the worker was introduced before the template was reaped is a matter of luck.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto settled = [&] {
    return seen<core::WorkerReady>(kWorker) ||
           (seen<core::WorkerSpawnFailed>(kWorker) && workers_->orphans() >= 2);
  };
  while (!settled() && std::chrono::steady_clock::now() < limit) turn();
  EXPECT_TRUE(settled());
  EXPECT_FALSE(seen<core::WorkerSpawned>(kWorker) && seen<core::WorkerSpawnFailed>(kWorker));
}

TEST_F(TemplateProcessesTest, IntroducedWorkerOutlivesATemplateThatCannotConfirmIt) {
  start("ready fork-unconfirmed", "ready hang");
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  ASSERT_TRUE(await<core::WorkerReady>(kWorker));
  EXPECT_FALSE(seen<core::WorkerSpawnFailed>(kWorker));
  workers_->signal(kWorker, SIGKILL);
  ASSERT_TRUE(await<core::WorkerExited>(kWorker));
  EXPECT_EQ(seen<core::WorkerExited>(kWorker)->status.code, SIGKILL);
}

TEST_F(TemplateProcessesTest, ForeignProcessIsNotTakenForAWorker) {
  start("ready fork-foreign", "serve");  // introduces the template itself
  const auto* failed = await<core::WorkerSpawnFailed>(kWorker);
  ASSERT_TRUE(failed);
  EXPECT_THAT(failed->reason, HasSubstr("another worker's process"));
  workers_->signal(kWorker, SIGKILL);  // reaches nobody
  turn();
  EXPECT_EQ(::kill(template_pid_, 0), 0);
}

TEST_F(TemplateProcessesTest, ClosedControlSocketEndsTheTemplate) {
  start_template("ready fork-close");
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (watched_ != -1 && std::chrono::steady_clock::now() < limit) turn();
  EXPECT_EQ(watched_, -1) << "a loop that never rests";
  const auto answer = workers_->spawn(core::Spawn{5, "web", 1, 5, kTemplate});
  ASSERT_TRUE(answer);
  EXPECT_THAT(std::get<std::string>(*answer), HasSubstr("does not take the request: Broken pipe"));
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  EXPECT_EQ(seen<core::WorkerExited>(kTemplate)->status.code, SIGKILL);
}

TEST_F(TemplateProcessesTest, RequestsBeyondWhatTheSocketHoldsAreRefused) {
  start("ready fork-deaf");
  ::kill(template_pid_, SIGSTOP);
  std::optional<ports::Workers::Started> answer;
  core::LaunchId launch = 10;
  for (; launch < 2000 && !answer; ++launch) {
    answer = workers_->spawn(core::Spawn{launch, "web", 1, launch, kTemplate});
  }
  ASSERT_TRUE(answer);
  EXPECT_FALSE(std::get<std::string>(*answer).empty());
  workers_->signal(kTemplate, SIGKILL);
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  EXPECT_TRUE(seen<core::WorkerSpawnFailed>(launch - 2));
  EXPECT_FALSE(seen<core::WorkerSpawnFailed>(launch - 1)) << "it was answered already";
}

TEST_F(TemplateProcessesTest, ReopenedLogsReachAWorkerThatIsNotThereYet) {
  start_template("ready fork", "take-logs exit 0");
  ::kill(template_pid_, SIGSTOP);
  ask(kWorker);
  const UniqueFd reopened(::open((directory_.path() + "/log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  shared_.error_log = reopened.get();
  workers_->hand_over_logs();
  ::kill(template_pid_, SIGCONT);
  ASSERT_TRUE(await<core::WorkerExited>(kWorker));
  char text[64] = "";
  EXPECT_GT(::pread(reopened.get(), text, sizeof text - 1, 0), 0);
  EXPECT_STREQ(text, "took logs with 1 descriptors\n");
  EXPECT_EQ(journal_.text(), "");
}

TEST_F(TemplateProcessesTest, PromotedWorkerForksOthers) {
  start_candidate("ready promotion");
  workers_->promote(kTemplate);
  const int control = std::exchange(watched_, -1);
  EXPECT_GE(control, 0);
  workers_->promote(kTemplate);
  EXPECT_EQ(watched_, -1) << "it was told twice";
  watched_ = control;
  ASSERT_TRUE(await<core::WorkerReady>(kTemplate));
  ask(kWorker);
  ASSERT_TRUE(await<core::WorkerReady>(kWorker));
  EXPECT_NE(seen<core::WorkerSpawned>(kWorker)->pid, template_pid_);
  workers_->signal(kTemplate, SIGKILL);
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  EXPECT_EQ(watched_, -1);
  EXPECT_FALSE(seen<core::WorkerExited>(kWorker));
  EXPECT_EQ(journal_.text(), "");
}

TEST_F(TemplateProcessesTest, WorkerThatEndsInsteadOfBecomingATemplateIsForgottenAsOne) {
  start_candidate("ready take-word exit 0");
  workers_->promote(kTemplate);
  ASSERT_TRUE(await<core::WorkerExited>(kTemplate));
  EXPECT_EQ(watched_, -1);
  EXPECT_EQ(std::get<std::string>(*workers_->spawn(core::Spawn{9, "web", 1, 9, kTemplate})),
            "its template has ended");
  workers_->promote(kTemplate);
  EXPECT_EQ(watched_, -1);
}

TEST_F(TemplateProcessesTest, ReportShowsItsMemory) {
  start("ready fork-deaf");
  const auto now = std::chrono::steady_clock::now();
  const auto report = workers_->report(
      core::TemplateView{kTemplate, template_pid_, "web", core::TemplateState::ready, 1, now}, now);
  EXPECT_EQ(report.pid, template_pid_);
  EXPECT_GT(report.rss_bytes, 0U);
}

}  // namespace
}  // namespace gserve::io
