// SPDX-License-Identifier: MIT
#include "supervisor/io/reaper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <string>
#include <vector>

#include "supervisor/io/notify_socket.h"
#include "supervisor/io/process_launcher.h"
#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

using core::ExitStatus;

class ReaperTest : public ::testing::Test {
 protected:
  ports::Process launch(const std::string& script, const std::vector<std::string>& environment = {}) {
    return testing::launched(launcher_.launch(testing::mock_worker(script, environment)));
  }

  /// Runs a mock worker to its end.
  ExitStatus end_of(const std::string& script, int signal = 0) {
    const ports::Process child = launch(script);
    if (signal) ::kill(child.pid, signal);
    EXPECT_TRUE(testing::readable(child.pidfd.get()));
    std::vector<Reaped> reaped;
    reap_children([] {}, [&](const Reaped& each) { reaped.push_back(each); });
    EXPECT_EQ(reaped.size(), 1U);
    EXPECT_EQ(reaped.at(0).pid, child.pid);
    return reaped.at(0).status;
  }

  BoostProcessLauncher launcher_{rlimit{256, 256}};
};

char state_of(core::Pid pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t end = text.rfind(')');
  return end == std::string::npos ? '-' : text.at(end + 2);
}

TEST_F(ReaperTest, TellsTheExitCode) {
  EXPECT_EQ(end_of("exit 0"), (ExitStatus{ExitStatus::Kind::exited, 0, false}));
  EXPECT_EQ(end_of("exit 3"), (ExitStatus{ExitStatus::Kind::exited, 3, false}));
}

TEST_F(ReaperTest, TellsTheSignalThatKilled) {
  EXPECT_EQ(end_of("hang", SIGKILL), (ExitStatus{ExitStatus::Kind::signalled, SIGKILL, false}));
  EXPECT_EQ(end_of("hang", SIGTERM), (ExitStatus{ExitStatus::Kind::signalled, SIGTERM, false}));
}

TEST_F(ReaperTest, PidStaysTakenUntilEverythingOfItWasRead) {
  const ports::Process child = launch("exit 0");
  ASSERT_TRUE(testing::readable(child.pidfd.get()));
  char before = '-';
  char after = '-';
  reap_children([&] { before = state_of(child.pid); }, [&](const Reaped&) { after = state_of(child.pid); });
  EXPECT_EQ(before, 'Z');
  EXPECT_EQ(after, '-');
}

TEST_F(ReaperTest, RunningChildrenAreLeftAlone) {
  const ports::Process child = launch("hang");
  bool any = false;
  reap_children([] {}, [&](const Reaped&) { any = true; });
  EXPECT_FALSE(any);
  ::kill(child.pid, SIGKILL);
  reap_child(child.pid);
}

TEST_F(ReaperTest, ReadyOfAWorkerThatExitsAtOnceComesBeforeItsExit) {
  testing::TemporaryDirectory directory;
  NotifySocket notify({directory.path()});
  for (int round = 0; round < 200; ++round) {
    const ports::Process child = launch(
        "ready exit 0", {"NOTIFY_SOCKET=" + notify.path(), "GSERVE_LAUNCH_ID=" + std::to_string(round)});
    ASSERT_TRUE(testing::readable(child.pidfd.get()));
    std::string order;
    reap_children(
        [&] {
          for (const WorkerMessage& message : notify.receive()) {
            if (message.says("READY") && message.sender == child.pid) order += "ready ";
          }
        },
        [&](const Reaped&) { order += "exit"; });
    ASSERT_EQ(order, "ready exit") << round;
  }
}

}  // namespace
}  // namespace gserve::io
