// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "ctl/commands.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {
namespace {

using testing::HasSubstr;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran gservectl(const std::vector<std::string>& roots, std::vector<const char*> line,
              const ctl::Terminal& terminal = {}) {
  line.insert(line.begin(), "gservectl");
  const auto parsed = ctl::parse_arguments(static_cast<int>(line.size()), line.data());
  if (const auto* usage = std::get_if<ctl::Usage>(&parsed)) return {usage->exit_code, "", usage->text};
  std::ostringstream out;
  std::ostringstream err;
  const int code = ctl::run_command(std::get<ctl::Arguments>(parsed), roots, out, err, terminal);
  return {code, out.str(), err.str()};
}

void accept_and_finish(ControlServer& server) {
  server.supervisor().on_submit = [&server](const core::Event& event) {
    server.control().accepted(request_of(event), 1);
    server.control().job_progress(1, "half");
    server.control().job_finished(1, core::JobState::done, "");
  };
}

TEST(GservectlCommands, OrdersReachTheSupervisor) {
  ControlServer server;
  accept_and_finish(server);
  EXPECT_EQ(gservectl({server.root()}, {"restart"}).out, "half\nrestart of shop done\n");
  EXPECT_EQ(gservectl({server.root()}, {"reopen"}).out, "half\nreopen of shop done\n");
  EXPECT_EQ(gservectl({server.root()}, {"worker", "restart", "42"}).out,
            "half\nworker restart of shop done\n");
  EXPECT_EQ(gservectl({server.root()}, {"worker", "kill", "43"}).out, "half\nworker kill of shop done\n");
  std::vector<core::Event> submitted;
  server.on_loop([&] { submitted = server.supervisor().submitted; });
  ASSERT_EQ(submitted.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<core::RestartRequested>(submitted[0]));
  EXPECT_TRUE(std::holds_alternative<core::ReopenLogsRequested>(submitted[1]));
  EXPECT_EQ(std::get<core::WorkerRestartRequested>(submitted[2]).pid, 42);
  EXPECT_THAT(std::get<core::WorkerRestartRequested>(submitted[2]).by, HasSubstr("uid"));
  EXPECT_EQ(std::get<core::WorkerKillRequested>(submitted[3]).pid, 43);
}

TEST(GservectlCommands, OrdersHaveJson) {
  ControlServer server;
  accept_and_finish(server);
  const auto outcome =
      nlohmann::json::parse(gservectl({server.root()}, {"--json", "worker", "kill", "43"}).out);
  EXPECT_EQ(outcome["command"], "worker kill");
  EXPECT_EQ(outcome["name"], "shop");
  EXPECT_EQ(outcome["result"], "done");
  EXPECT_EQ(outcome["job"], 1);
}

TEST(GservectlCommands, ConfigShowsTheSettingsInForce) {
  ControlServer server;
  server.supervisor().in_force = {
      {"bind", "['127.0.0.1:8000']", R"(["127.0.0.1:8000"])", "builtin", "default"},
      {"workers", "4", "4", "command_line", "--workers"}};
  EXPECT_EQ(gservectl({server.root()}, {"config"}).out,
            "bind    = ['127.0.0.1:8000']  # default\nworkers = 4  # --workers\n");
  const auto config = nlohmann::json::parse(gservectl({server.root()}, {"config", "--json"}).out);
  EXPECT_EQ(config["workers"]["value"], 4);
  EXPECT_EQ(config["workers"]["source"], "command_line");
  EXPECT_EQ(config["workers"]["origin"], "--workers");
  EXPECT_EQ(config["bind"]["value"][0], "127.0.0.1:8000");
}

TEST(GservectlCommands, WaitIsOverWhenAllWorkersAreReady) {
  ControlServer server;
  auto& report = server.supervisor().report;
  report.state = core::SupervisorState::starting;
  report.target = 2;
  int looks = 0;
  server.supervisor().on_status = [&] {
    report.state = ++looks > 1 ? core::SupervisorState::running : core::SupervisorState::starting;
    report.ready = std::min(looks, 2);
  };
  EXPECT_EQ(gservectl({server.root()}, {"wait", "--timeout", "60"}).out, "shop is ready\n");
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(gservectl({server.root()}, {"wait", "--for", "running"}).out, "shop is running\n");
}

TEST(GservectlCommands, WaitSaysWhatItHasSeenWhenTimeIsUp) {
  ControlServer server;
  server.supervisor().report.target = 2;
  const Ran ran = gservectl({server.root()}, {"wait", "--timeout", "1", "--json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "gservectl: timed out after 1 s, waiting for shop to be ready: it is starting, 0 of 2 "
            "workers are ready\n");
  EXPECT_EQ(nlohmann::json::parse(ran.out)["result"], "failed");
  const Ran absent = gservectl({server.root()}, {"wait", "-n", "blog", "--timeout", "1"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.err, HasSubstr("waiting for blog to be ready: no instance is running"));
  EXPECT_EQ(gservectl({server.root()}, {"wait", "-n", "blog", "--for", "stopped"}).code, 0);
}

TEST(GservectlCommands, LogsOfATerminalCannotBeRead) {
  ControlServer server;
  server.supervisor().report.log = {"terminal", "/dev/pts/7"};
  const Ran ran = gservectl({server.root()}, {"logs"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "gservectl: the error log of shop goes to a terminal (/dev/pts/7), where it cannot be read "
            "again: --error-logfile gives it a file\n");
}

// What a terminal shows of a job: workers as they turn over, a bar, and nothing of it left at the end.
TEST(GservectlCommands, OnATerminalWorkersAreShownAsTheyTurnOver) {
  ControlServer server;
  auto& report = server.supervisor().report;
  report.target = 1;
  report.workers = {{.pid = 11,
                     .pool = "web",
                     .state = core::WorkerState::ready,
                     .generation = 1,
                     .request = "",
                     .due = ""}};
  server.supervisor().on_submit = [&](const core::Event& event) {
    server.control().accepted(request_of(event), 1);
    server.control().job_progress(1, "0/1 workers ready");
  };
  int looks = 0;
  server.supervisor().on_status = [&] {
    if (++looks == 2)
      report.workers.push_back({.pid = 12,
                                .pool = "web",
                                .state = core::WorkerState::ready,
                                .generation = 2,
                                .request = "",
                                .due = ""});
    if (looks == 3) report.workers.erase(report.workers.begin());
    if (looks == 3) server.control().job_finished(1, core::JobState::done, "");
  };
  const Ran ran = gservectl({server.root()}, {"reload"}, {.interactive = true, .color = true});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("  + worker 12 \x1b[32mready\x1b[0m, generation 2\n"));
  EXPECT_THAT(ran.out, HasSubstr("\r\x1b[K[############------------] 0/1 workers ready  "));
  EXPECT_THAT(ran.out, HasSubstr("  - worker 11 \x1b[2mgone\x1b[0m, generation 1\n"));
  EXPECT_THAT(ran.out, testing::EndsWith("\r\x1b[Kreload of shop done\n"));
}

}  // namespace
}  // namespace gserve::test
