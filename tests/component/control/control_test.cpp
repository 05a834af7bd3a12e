// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>

#include "common/version.h"
#include "tests/component/control/bus_probe.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Ran {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  while (const std::size_t size = fread(buffer, 1, sizeof buffer, pipe)) ran.output.append(buffer, size);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

Ran busctl(const ControlServer& server, const std::string& arguments) {
  return run("timeout 20 busctl --no-pager --address=unix:path=" + server.socket() + " " + arguments);
}

/// Accepts everything as job 7, and says at once how it went.
void answer_at_once(ControlServer& server) {
  server.supervisor().on_submit = [&server](const core::Event& event) {
    server.control().accepted(request_of(event), 7);
    server.control().job_progress(7, "half way");
    server.control().job_finished(7, core::JobState::done, "");
  };
}

TEST(Control, BusctlIntrospectsTheObject) {
  ControlServer server;
  const Ran ran = busctl(server, "introspect io.gserve /io/gserve");
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  for (const char* word : {"io.gserve.Supervisor1", ".GetStatus", ".ListIncidents", ".GetIncident", ".Scale",
                           "sib", ".JobFinished", ".Ready"}) {
    EXPECT_THAT(ran.output, HasSubstr(word));
  }
}

TEST(Control, BusctlCallsMethods) {
  ControlServer server;
  answer_at_once(server);
  const Ran scale = busctl(server, "call io.gserve /io/gserve io.gserve.Supervisor1 Scale sib '' 6 false");
  EXPECT_EQ(scale.output, "t 7\n");
  const Ran status = busctl(server, "call io.gserve /io/gserve io.gserve.Supervisor1 GetStatus");
  EXPECT_THAT(status.output, AllOf(StartsWith("a{sv} "), HasSubstr(" \"name\" s \"shop\" ")));
}

TEST(Control, AnUpgradeNamesItsProgramAndItsCaller) {
  ControlServer server;
  answer_at_once(server);
  const std::string call = "call io.gserve /io/gserve io.gserve.Supervisor1 Upgrade s ";
  EXPECT_EQ(busctl(server, call + "/opt/gserve").output, "t 7\n");
  const auto& request = std::get<core::UpgradeRequested>(server.supervisor().submitted.at(0));
  EXPECT_EQ(request.binary, "/opt/gserve");
  EXPECT_THAT(request.by, StartsWith("busctl["));
}

TEST(Control, BusctlReadsPropertiesAndTheTreeAndTheNames) {
  ControlServer server;
  server.supervisor().report.generation = 3;
  EXPECT_EQ(
      busctl(server, "get-property io.gserve /io/gserve io.gserve.Supervisor1 Generation Version").output,
      std::string("t 3\ns \"") + kVersion + "\"\n");
  EXPECT_THAT(busctl(server, "tree io.gserve").output, HasSubstr("/io/gserve"));
  EXPECT_THAT(busctl(server, "list").output, HasSubstr("io.gserve"));
}

TEST(Control, AnswersTheQuestionsOfBusClients) {
  ControlServer server;
  const std::string driver = "call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ";
  EXPECT_EQ(busctl(server, driver + "GetNameOwner s io.gserve").output, "s \":1.0\"\n");
  EXPECT_EQ(busctl(server, driver + "NameHasOwner s io.gserve").output, "b true\n");
  EXPECT_EQ(busctl(server, driver + "NameHasOwner s com.example").output, "b false\n");
  EXPECT_EQ(busctl(server, driver + "AddMatch s \"type='signal'\"").exit_code, 0);
  EXPECT_NE(busctl(server, driver + "GetNameOwner s com.example").exit_code, 0);
}

TEST(Control, AJobIsAnsweredBeforeItsFirstSignal) {
  ControlServer server;
  answer_at_once(server);
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Reload", "");
  probe.read(3);
  EXPECT_THAT(probe.seen, ElementsAre("reply 7", "JobProgress 7 half way", "JobFinished 7 done"));
}

TEST(Control, AnAnswerMayComeLater) {
  ControlServer server;
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Reload", "");
  ASSERT_TRUE(server.eventually([&] {
    sd_bus_process(probe.bus(), nullptr);
    return !server.supervisor().submitted.empty();
  }));
  server.on_loop([&] { server.control().accepted(request_of(server.supervisor().submitted[0]), 9); });
  probe.read(1);
  EXPECT_THAT(probe.seen, ElementsAre("reply 9"));
}

TEST(Control, EveryClientHearsOfAJob) {
  ControlServer server;
  BusProbe one(raw_connect(server.socket()));
  BusProbe two(raw_connect(server.socket()));
  ASSERT_TRUE(one.works() && two.works());
  server.on_loop([&] { server.control().job_finished(5, core::JobState::failed, "no reason"); });
  for (BusProbe* probe : {&one, &two}) {
    probe->read(1);
    EXPECT_THAT(probe->seen, ElementsAre("JobFinished 5 failed"));
  }
}

TEST(Control, ARefusedRequestIsAnErrorWithItsReason) {
  ControlServer server;
  server.supervisor().on_submit = [&](const core::Event& event) {
    server.control().refused(request_of(event), "pool \"x\" does not exist");
  };
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Scale", "sib", "x", 1, 0);
  probe.read(1);
  EXPECT_THAT(probe.seen, ElementsAre("error io.gserve.Error.Refused: pool \"x\" does not exist"));
}

TEST(Control, PassesOnWhatWasAskedAndByWhom) {
  ControlServer server;
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Stop", "s", "quick");
  probe.send("Scale", "sib", "web", -2, 1);
  ASSERT_TRUE(server.eventually([&] {
    sd_bus_process(probe.bus(), nullptr);
    return server.supervisor().submitted.size() == 2;
  }));
  const auto& submitted = server.supervisor().submitted;
  EXPECT_EQ(std::get<core::StopRequested>(submitted[0]).mode, core::StopMode::quick);
  EXPECT_THAT(std::get<core::StopRequested>(submitted[0]).by,
              HasSubstr("[" + std::to_string(getpid()) + "] (uid " + std::to_string(geteuid()) + ")"));
  const auto& scale = std::get<core::ScaleRequested>(submitted[1]);
  EXPECT_EQ(scale.pool, "web");
  EXPECT_EQ(scale.count, -2);
  EXPECT_TRUE(scale.relative);
  EXPECT_NE(scale.request, request_of(submitted[0]));
}

TEST(Control, WrongCallsAreErrors) {
  ControlServer server;
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Stop", "s", "softly");
  probe.send("Stop", "i", 1);
  probe.send("GetJob", "t", std::uint64_t{99});
  probe.send("Explode", "");
  probe.read(4);
  ASSERT_EQ(probe.seen.size(), 4U);
  EXPECT_THAT(probe.seen[0], StartsWith("error io.gserve.Error.InvalidArgument: stop mode \"softly\""));
  EXPECT_THAT(probe.seen[1], StartsWith("error org.freedesktop.DBus.Error.InvalidArgs"));
  EXPECT_THAT(probe.seen[2], StartsWith("error io.gserve.Error.NoSuchJob: no job 99"));
  EXPECT_THAT(probe.seen[3], StartsWith("error org.freedesktop.DBus.Error.UnknownMethod"));
  EXPECT_TRUE(server.supervisor().submitted.empty());
}

TEST(Control, NoExceptionLeavesAHandler) {
  ControlServer server;
  server.supervisor().on_status = [] { throw std::runtime_error("the roof is on fire"); };
  BusProbe probe(raw_connect(server.socket()));
  EXPECT_LT(probe.call_status(), 0);
  EXPECT_EQ(probe.last_error, "the roof is on fire");
  server.on_loop([&] { server.supervisor().on_status = nullptr; });
  EXPECT_TRUE(probe.works());
}

TEST(Control, AnAnswerForAClientThatLeftIsDropped) {
  ControlServer server;
  {
    BusProbe probe(raw_connect(server.socket()));
    probe.send("Reload", "");
    ASSERT_TRUE(server.eventually([&] {
      sd_bus_process(probe.bus(), nullptr);
      return !server.supervisor().submitted.empty();
    }));
  }
  ASSERT_TRUE(server.eventually([&] { return server.control().peers() == 0; }));
  server.on_loop([&] {
    server.control().accepted(request_of(server.supervisor().submitted[0]), 7);
    server.control().accepted(12345, 7);
  });
  BusProbe next(raw_connect(server.socket()));
  EXPECT_TRUE(next.works());
}

TEST(Control, TheLastWordsAreFlushedAfterTheLoopHasEnded) {
  ControlServer server;
  BusProbe probe(raw_connect(server.socket()));
  ASSERT_TRUE(probe.works());
  server.on_loop([&] {
    for (core::JobId job = 1; job <= 300; ++job) {
      server.control().job_progress(job, std::string(50'000, 'x'));
    }
  });
  server.stop_loop();
  std::thread reader([&] { probe.read(301); });
  server.control().job_finished(301, core::JobState::done, "");
  server.control().flush(std::chrono::seconds(20));
  server.control().close();
  reader.join();
  ASSERT_EQ(probe.seen.size(), 301U);
  EXPECT_EQ(probe.seen.back(), "JobFinished 301 done");
}

TEST(Control, FlushDoesNotWaitForEverForAClientThatDoesNotRead) {
  ControlServer server;
  BusProbe probe(raw_connect(server.socket()));
  ASSERT_TRUE(probe.works());
  server.on_loop([&] {
    for (int i = 0; i < 300; ++i) server.control().job_progress(1, std::string(50'000, 'x'));
  });
  server.stop_loop();
  const auto start = std::chrono::steady_clock::now();
  server.control().flush(std::chrono::milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Control, ClosingFromWithinACallIsSafe) {
  ControlServer server;
  server.supervisor().on_submit = [&](const core::Event& event) {
    server.control().accepted(request_of(event), 7);
    server.control().close();
  };
  BusProbe probe(raw_connect(server.socket()));
  probe.send("Reload", "");
  probe.read(2);
  EXPECT_EQ(server.peers(), 0U);
}

/// Runs `body` in a child process as uid 65534; its exit code.
int as_nobody(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const bool dropped = setgroups(0, nullptr) == 0 && setgid(65534) == 0 && setuid(65534) == 0;
    _exit(dropped ? body() : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Control, AnotherUserIsRefusedByCredentialsEvenWhereTheModeAllows) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  ControlServer server({}, 0666);
  for (const std::string& directory : {server.root() + "/shop", server.root(), server.root() + "/.."}) {
    ASSERT_EQ(chmod(directory.c_str(), 0755), 0);
  }
  const std::string path = server.socket();
  const int code = as_nobody([&] {
    const int fd = raw_connect(path);
    if (fd < 0) return 2;
    return is_closed_within(fd, std::chrono::seconds(20)) ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(server.supervisor().submitted.empty());
  EXPECT_THAT(server.log(), ElementsAre(HasSubstr("uid 65534")));
}

TEST(Control, AnotherUserIsRefusedByTheDefaultMode) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  ControlServer server;
  for (const std::string& directory : {server.root() + "/shop", server.root() + "/.."}) {
    ASSERT_EQ(chmod(directory.c_str(), 0755), 0);
  }
  const std::string& path = server.socket();
  EXPECT_EQ(as_nobody([&] { return raw_connect(path) < 0 && errno == EACCES ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace gserve::test
