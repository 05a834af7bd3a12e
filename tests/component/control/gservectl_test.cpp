// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ctl/commands.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

/// gservectl with this command line, looking for instances in `roots`.
Ran gservectl(const std::vector<std::string>& roots, std::vector<const char*> line) {
  line.insert(line.begin(), "gservectl");
  const auto parsed = ctl::parse_arguments(static_cast<int>(line.size()), line.data());
  if (const auto* usage = std::get_if<ctl::Usage>(&parsed)) return {usage->exit_code, "", usage->text};
  std::ostringstream out;
  std::ostringstream err;
  const int code = ctl::run_command(std::get<ctl::Arguments>(parsed), roots, out, err);
  return {code, out.str(), err.str()};
}

using Answer = std::function<void(io::SdBusControl&, core::RequestId)>;

void answer(ControlServer& server, const Answer& how) {
  server.supervisor().on_submit = [&server, how](const core::Event& event) {
    how(server.control(), request_of(event));
  };
}

TEST(Gservectl, StatusShowsWhatTheSupervisorSays) {
  ControlServer server;
  auto& report = server.supervisor().report;
  report.state = core::SupervisorState::running;
  report.uptime = std::chrono::milliseconds(61'500);
  report.generation = 2;
  report.target = 4;
  report.ready = 1;
  report.listeners = {"http://127.0.0.1:8000"};
  report.last_incident = 12;
  report.workers = {{.pid = 321,
                     .pool = "web",
                     .state = core::WorkerState::ready,
                     .generation = 2,
                     .age = std::chrono::seconds(5),
                     .requests = 17,
                     .rss_bytes = 1 << 20,
                     .in_flight = 1,
                     .request = "GET /slow HTTP/1.1",
                     .request_age = std::chrono::milliseconds(250),
                     .due = "memory"}};
  report.pools = {{.name = "web",
                   .target = 4,
                   .ready = 1,
                   .crash_looping = true,
                   .failures = 9,
                   .last_failure = "killed by SIGSEGV",
                   .next_start = std::chrono::milliseconds(1500)}};
  report.pools.emplace_back().name = "api";
  report.templates = {{.pid = 320,
                       .pool = "web",
                       .state = core::TemplateState::ready,
                       .generation = 2,
                       .age = std::chrono::seconds(9),
                       .rss_bytes = 1 << 21}};
  const Ran ran = gservectl({server.root()}, {"status", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto status = nlohmann::json::parse(ran.out);
  EXPECT_EQ(status["name"], "shop");
  EXPECT_EQ(status["pid"], getpid());
  EXPECT_EQ(status["uptime_s"], 61.5);
  EXPECT_EQ(status["generation"], 2);
  EXPECT_EQ(status["target"], 4);
  EXPECT_EQ(status["ready"], 1);
  EXPECT_EQ(status["state"], "running");
  EXPECT_EQ(status["listeners"][0], "http://127.0.0.1:8000");
  EXPECT_EQ(status["last_incident"], 12);
  const auto& worker = status["workers"][0];
  EXPECT_EQ(worker["pid"], 321);
  EXPECT_EQ(worker["state"], "ready");
  EXPECT_EQ(worker["age_s"], 5.0);
  EXPECT_EQ(worker["requests"], 17);
  EXPECT_EQ(worker["rss_bytes"], 1 << 20);
  EXPECT_EQ(worker["request"], "GET /slow HTTP/1.1");
  EXPECT_EQ(worker["request_age_s"], 0.25);
  EXPECT_EQ(worker["due"], "memory");
  const auto& origin = status["templates"][0];
  EXPECT_EQ(origin["pid"], 320);
  EXPECT_EQ(origin["pool"], "web");
  EXPECT_EQ(origin["state"], "ready");
  EXPECT_EQ(origin["generation"], 2);
  EXPECT_EQ(origin["age_s"], 9.0);
  EXPECT_EQ(origin["rss_bytes"], 1 << 21);
  const auto& pool = status["pools"][0];
  EXPECT_EQ(pool["name"], "web");
  EXPECT_EQ(pool["target"], 4);
  EXPECT_EQ(pool["state"], "crash-looping");
  EXPECT_EQ(pool["failures"], 9);
  EXPECT_EQ(pool["last_failure"], "killed by SIGSEGV");
  EXPECT_EQ(pool["next_start_s"], 1.5);
  EXPECT_EQ(status["pools"][1]["state"], "running");
  EXPECT_TRUE(status["pools"][1]["next_start_s"].is_null());
}

ports::Incident timeout_of_a_worker() {
  return {.id = 3,
          .time_usec = 1'795'425'327'250'000,
          .kind = core::IncidentKind::timeout,
          .of_template = false,
          .launch = 5,
          .pid = 4242,
          .pool = "web",
          .generation = 2,
          .reason = "\"GET /slow HTTP/1.1\" has run for 31 s (timeout 30 s); killed by SIGABRT",
          .details = "",
          .in_flight = 2,
          .requests = {{"GET /slow HTTP/1.1", std::chrono::milliseconds(31'250)}},
          .stacks = "Thread 0x1\n  File \"app.py\", line 7 in view\n",
          .log = "caf\xe9 is closed\n"};
}

/// The next one: a template's failed boot.
ports::Incident failed_boot() {
  ports::Incident failed = timeout_of_a_worker();
  failed.id = 4;
  failed.kind = core::IncidentKind::boot_failure;
  failed.of_template = true;
  failed.pid = 0;
  failed.details = "Traceback";
  return failed;
}

TEST(Gservectl, IncidentsAreListed) {
  ControlServer server;
  server.supervisor().recorded = {timeout_of_a_worker(), failed_boot()};
  const auto list = nlohmann::json::parse(gservectl({server.root()}, {"incidents", "--json"}).out);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["id"], 3);
  EXPECT_EQ(list[0]["time"], "2026-11-23T09:15:27.250Z");
  EXPECT_EQ(list[0]["kind"], "timeout");
  EXPECT_EQ(list[0]["process"], "worker");
  EXPECT_EQ(list[0]["launch"], 5);
  EXPECT_EQ(list[0]["pid"], 4242);
  EXPECT_EQ(list[0]["pool"], "web");
  EXPECT_EQ(list[0]["generation"], 2);
  EXPECT_EQ(list[0]["reason"], timeout_of_a_worker().reason);
  EXPECT_EQ(list[1]["kind"], "boot-failure");
  EXPECT_EQ(list[1]["process"], "template");
}

TEST(Gservectl, AnIncidentIsShownWithAllThatIsKnownOfIt) {
  ControlServer server;
  server.supervisor().recorded = {timeout_of_a_worker(), failed_boot()};
  const Ran ran = gservectl({server.root()}, {"incidents", "3", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto shown = nlohmann::json::parse(ran.out);
  EXPECT_EQ(shown["reason"], timeout_of_a_worker().reason);
  EXPECT_EQ(shown["in_flight"], 2);
  EXPECT_EQ(shown["requests"][0]["line"], "GET /slow HTTP/1.1");
  EXPECT_EQ(shown["requests"][0]["age_s"], 31.25);
  EXPECT_EQ(shown["stacks"], timeout_of_a_worker().stacks);
  EXPECT_EQ(shown["log"], "caf\\xe9 is closed\n");
  EXPECT_EQ(nlohmann::json::parse(gservectl({server.root()}, {"incidents", "4", "--json"}).out)["details"],
            "Traceback");
}

TEST(Gservectl, AnIncidentThatIsNotKeptIsOneClearLine) {
  ControlServer server;
  EXPECT_EQ(gservectl({server.root()}, {"incidents"}).out, "no incident is on record\n");
  EXPECT_EQ(gservectl({server.root()}, {"incidents", "--json"}).out, "[]\n");
  EXPECT_EQ(gservectl({server.root()}, {"incidents", "9"}).err,
            "gservectl: no incident 9: none is on record\n");
  server.supervisor().recorded = {timeout_of_a_worker()};
  const Ran ran = gservectl({server.root()}, {"incidents", "9", "--json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "gservectl: no incident 9: on record are 3 to 3\n");
}

TEST(Gservectl, StatusTakesAFewMilliseconds) {
  ControlServer server;
  gservectl({server.root()}, {"status"});
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(gservectl({server.root()}, {"status"}).code, 0);
  EXPECT_LT((std::chrono::steady_clock::now() - start) / 20, std::chrono::milliseconds(100));
}

TEST(Gservectl, ReloadFollowsTheJobToItsEnd) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 3);
    control.job_progress(2, "another job");
    control.job_progress(3, "1 of 2 workers replaced");
    control.job_finished(2, core::JobState::failed, "of another job");
    control.job_finished(3, core::JobState::done, "");
  });
  const Ran ran = gservectl({server.root()}, {"reload"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "1 of 2 workers replaced\nreload of shop done\n");
}

TEST(Gservectl, ARollbackAndAReforkAreJobsOfTheirOwn) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 3);
    control.job_finished(3, core::JobState::done, "");
  });
  EXPECT_EQ(gservectl({server.root()}, {"rollback"}).out, "rollback of shop done\n");
  EXPECT_EQ(gservectl({server.root()}, {"refork"}).out, "refork of shop done\n");
  const auto& submitted = server.supervisor().submitted;
  EXPECT_THAT(std::get<core::RollbackRequested>(submitted.at(0)).by, HasSubstr("uid"));
  EXPECT_TRUE(std::holds_alternative<core::ReforkRequested>(submitted.at(1)));
}

TEST(Gservectl, ShowsATestAndWhyADeployWasTakenBack) {
  ControlServer server;
  ports::StatusReport& report = server.supervisor().report;
  report.generation = 2;
  report.previous = 1;
  report.bake_left = std::chrono::seconds(40);
  report.rolled_back = "generation 2 is worse than generation 1";
  report.workers = {{.pid = 4242, .pool = "web", .generation = 1, .request = "", .due = "", .spare = true}};
  const auto status = nlohmann::json::parse(gservectl({server.root()}, {"status", "--json"}).out);
  EXPECT_EQ(status["previous_generation"], 1);
  EXPECT_EQ(status["bake_s"], 40.0);
  EXPECT_EQ(status["rolled_back"], "generation 2 is worse than generation 1");
  EXPECT_EQ(status["workers"][0]["state"], "spare");
}

TEST(Gservectl, AFailedReloadExitsWithOneAndTheTraceback) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 3);
    control.job_finished(3, core::JobState::failed, "Traceback:\n  File \"app.py\"\nImportError: no\n");
  });
  const Ran ran = gservectl({server.root()}, {"reload"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "gservectl: reload of shop failed: Traceback:\n  File \"app.py\"\nImportError: no\n");
  const Ran json = gservectl({server.root()}, {"--json", "reload"});
  EXPECT_EQ(json.code, 1);
  const auto result = nlohmann::json::parse(json.out);
  EXPECT_EQ(result["result"], "failed");
  EXPECT_EQ(result["job"], 3);
  EXPECT_THAT(result["reason"].get<std::string>(), HasSubstr("ImportError"));
}

TEST(Gservectl, ASupersededJobIsNotASuccess) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 3);
    control.job_finished(3, core::JobState::superseded, "by job 4");
  });
  const Ran ran = gservectl({server.root()}, {"scale", "3"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "gservectl: scale of shop (job 3) was superseded: by job 4\n");
}

TEST(Gservectl, ARefusedRequestSaysWhy) {
  ControlServer server;
  answer(server,
         [](io::SdBusControl& control, core::RequestId request) { control.refused(request, "it stops"); });
  const Ran ran = gservectl({server.root()}, {"scale", "-1", "--json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("it stops"));
  EXPECT_EQ(nlohmann::json::parse(ran.out)["job"], nullptr);
  const auto scale = std::get<core::ScaleRequested>(server.supervisor().submitted.at(0));
  EXPECT_EQ(scale.count, -1);
  EXPECT_TRUE(scale.relative);
}

TEST(Gservectl, NoWaitPrintsTheJob) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) { control.accepted(request, 12); });
  const Ran ran = gservectl({server.root()}, {"--no-wait", "reload"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "job 12\n");
}

TEST(Gservectl, ATimeoutLeavesTheJobRunning) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) { control.accepted(request, 12); });
  const Ran ran = gservectl({server.root()}, {"--timeout", "0.2", "reload"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("timed out after 0.2 s, job 12 goes on"));
}

TEST(Gservectl, ALostConnectionMeansThatTheResultIsUnknown) {
  ControlServer server;
  answer(server, [](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 12);
    control.flush(std::chrono::seconds(1));
    control.close();
  });
  const Ran ran = gservectl({server.root()}, {"reload"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("connection to the supervisor lost"));
  EXPECT_THAT(ran.err, HasSubstr("result of job 12 is unknown"));
}

/// An upgrade ends every connection; the job goes on, and the supervisor knows how it has ended.
TEST(Gservectl, AfterALostConnectionTheJobIsAskedForAgain) {
  ControlServer server;
  answer(server, [&](io::SdBusControl& control, core::RequestId request) {
    control.accepted(request, 7);
    server.renew();
  });
  const Ran ran = gservectl({server.root()}, {"upgrade"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "gservectl: upgrade of shop failed: no module named app\n");
}

TEST(Gservectl, ASupervisorThatDoesNotAnswerIsReported) {
  ControlServer server;
  server.stop_loop();
  const Ran ran = gservectl({server.root()}, {"--timeout", "0.2", "status"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("did not answer within"));
}

TEST(Gservectl, WithSeveralInstancesOneMustBeNamed) {
  ControlServer one({}, 0600, "blog");
  ControlServer two({}, 0600, "shop");
  const std::vector<std::string> roots{two.root(), one.root()};
  const Ran ambiguous = gservectl(roots, {"status"});
  EXPECT_EQ(ambiguous.code, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("choose one with -n: blog, shop"));
  EXPECT_THAT(gservectl(roots, {"-n", "blog", "status"}).out, StartsWith("blog - gserve"));
  EXPECT_THAT(gservectl({}, {"--socket", two.socket().c_str(), "status"}).out, StartsWith("shop - gserve"));
  const Ran list = gservectl(roots, {"list", "--json"});
  const auto listed = nlohmann::json::parse(list.out);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0]["name"], "blog");
  EXPECT_EQ(listed[1]["socket"], two.socket());
}

TEST(Gservectl, WithoutAnInstanceTheExitCodeIsThree) {
  const TempDir empty;
  const Ran status = gservectl({empty.path()}, {"status"});
  EXPECT_EQ(status.code, 3);
  EXPECT_EQ(status.err, "gservectl: no instance is running (looked in " + empty.path() + ")\n");
  EXPECT_EQ(gservectl({empty.path()}, {"-n", "shop", "stop"}).code, 3);
  EXPECT_EQ(gservectl({empty.path()}, {"--socket", "/nowhere/control", "reload"}).code, 3);
  EXPECT_EQ(gservectl({empty.path()}, {"list"}).code, 0);
  EXPECT_EQ(gservectl({empty.path()}, {"list", "--json"}).out, "[]\n");
}

/// A supervisor in a process of its own, which ends `delay` after it has announced the end of its stop job.
class SupervisorProcess {
 public:
  SupervisorProcess(const std::string& root, std::chrono::milliseconds delay, bool announce) {
    int ready[2];
    if (pipe(ready) != 0) throw std::runtime_error("pipe failed");
    pid_ = fork();
    if (pid_ == 0) serve(root, delay, announce, ready[1]);
    close(ready[1]);
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) throw std::runtime_error("no server");
    close(ready[0]);
  }
  ~SupervisorProcess() { waitpid(pid_, nullptr, 0); }
  SupervisorProcess(const SupervisorProcess&) = delete;
  SupervisorProcess& operator=(const SupervisorProcess&) = delete;

  /// Whether it has ended, without waiting; it stays a zombie.
  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

 private:
  [[noreturn]] static void serve(const std::string& root, std::chrono::milliseconds delay, bool announce,
                                 int ready) {
    ControlServer server({}, 0600, "shop", root);
    std::promise<void> stopped;
    server.supervisor().on_submit = [&](const core::Event& event) {
      server.control().accepted(request_of(event), 1);
      server.control().job_progress(1, "2 workers left");
      if (announce) server.control().job_finished(1, core::JobState::done, "");
      stopped.set_value();
    };
    if (write(ready, "r", 1) != 1) _exit(1);
    stopped.get_future().wait();
    server.stop_loop();
    server.control().flush(std::chrono::seconds(1));
    std::this_thread::sleep_for(delay);
    _exit(0);
  }
  pid_t pid_ = -1;
};

TEST(Gservectl, StopWaitsUntilTheProcessIsGone) {
  const TempDir temp;
  const SupervisorProcess process(temp.path(), std::chrono::milliseconds(300), true);
  const Ran ran = gservectl({temp.path() + "/gserve"}, {"stop"});
  EXPECT_TRUE(process.has_ended());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "2 workers left\nshop stopped\n");
}

TEST(Gservectl, StopIsDoneWhenTheConnectionBreaksBecauseTheProcessEnded) {
  const TempDir temp;
  const SupervisorProcess process(temp.path(), std::chrono::milliseconds(0), false);
  const Ran ran = gservectl({temp.path() + "/gserve"}, {"stop", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(ran.out)["result"], "done");
}

}  // namespace
}  // namespace gserve::test
