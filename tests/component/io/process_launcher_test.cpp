// SPDX-License-Identifier: MIT
#include "supervisor/io/process_launcher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "supervisor/io/memfd.h"
#include "supervisor/io/reaper.h"
#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

rlimit current_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

class ProcessLauncherTest : public ::testing::Test {
 protected:
  /// What a child that is given `fds` reports of itself.
  std::map<std::string, std::string> report_of(ports::ProcessSpec spec) {
    const std::string path = directory_.path() + "/report";
    spec.environment.push_back("MOCK_REPORT=" + path);
    const ports::Process child = testing::launched(launcher_.launch(spec));
    EXPECT_TRUE(testing::readable(child.pidfd.get()));
    reap_child(child.pid);
    auto report = testing::read_report(path);
    EXPECT_EQ(report["pid"], std::to_string(child.pid));
    return report;
  }

  static bool has_children() {
    bool any = false;
    reap_children([] {}, [&](const Reaped&) { any = true; });
    return any;
  }

  TemporaryDirectory directory_;
  rlimit limit_ = current_limit();
  BoostProcessLauncher launcher_{limit_};
};

TEST_F(ProcessLauncherTest, ChildHasOnlyTheDescriptorsOfTheContract) {
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // without close-on-exec, as a library might
  const UniqueFd high(::fcntl(leaky.get(), F_DUPFD, 200));
  const UniqueFd a = make_growing_memfd("a");
  const UniqueFd b = make_growing_memfd("b");
  auto spec = testing::mock_worker("report exit 0");
  spec.fds = {a.get(), b.get()};
  EXPECT_EQ(report_of(spec)["fds"], "0,1,2,3,4");
}

TEST_F(ProcessLauncherTest, ChildWithoutDescriptorsHasOnlyTheStandardOnes) {
  EXPECT_EQ(report_of(testing::mock_worker("report exit 0"))["fds"], "0,1,2");
}

TEST_F(ProcessLauncherTest, DescriptorsKeepTheirOrderWhenSourcesAndTargetsOverlap) {
  // Sources on the very numbers that are targets, in reverse: 5 -> 3, 4 -> 4, 3 -> 5 and one source twice.
  const UniqueFd incident = make_growing_memfd("incident");
  std::vector<int> fds;
  std::vector<UniqueFd> held;
  for (int i = 0; i < 3; ++i) held.emplace_back(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  for (const UniqueFd& fd : held) fds.push_back(fd.get());
  std::ranges::reverse(fds);
  fds.push_back(incident.get());
  fds.push_back(incident.get());
  auto spec = testing::mock_worker("dump report exit 0", {"LISTEN_FDNAMES=x:x:x:incident:x"});
  spec.fds = fds;
  EXPECT_EQ(report_of(spec)["fds"], "0,1,2,3,4,5,6,7");
  EXPECT_THAT(read_memfd(incident.get(), 4096), HasSubstr("most recent call first"));
}

TEST_F(ProcessLauncherTest, ManyDescriptorsDoNotMeetTheErrorPipe) {
  std::vector<UniqueFd> held;
  auto spec = testing::mock_worker("report exit 0");
  for (int i = 0; i < 40; ++i) {
    held.emplace_back(::fcntl(0, F_DUPFD_CLOEXEC, 300));
    spec.fds.push_back(held.back().get());
  }
  EXPECT_THAT(report_of(spec)["fds"], ::testing::EndsWith(",41,42"));
}

TEST_F(ProcessLauncherTest, ChildHasNoBlockedOrIgnoredSignals) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  auto report = report_of(testing::mock_worker("report exit 0"));
  ::signal(SIGPIPE, old);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(report["SigBlk"], "0000000000000000");
  EXPECT_EQ(report["SigIgn"], "0000000000000000");
}

TEST_F(ProcessLauncherTest, ListenPidIsTheChildsOwn) {
  auto report = report_of(testing::mock_worker("report exit 0"));
  EXPECT_EQ(report["LISTEN_PID"], report["pid"]);
}

TEST_F(ProcessLauncherTest, ChildGetsTheGivenDescriptorLimitDirectoryAndArguments) {
  limit_.rlim_cur = 77;
  BoostProcessLauncher launcher(limit_);
  std::swap(launcher_, launcher);
  auto spec = testing::mock_worker("report exit 0", {"COLOUR=blue"});
  spec.directory = directory_.path();
  spec.argv.insert(spec.argv.end(), {"-m", "two words"});
  auto report = report_of(spec);
  EXPECT_EQ(report["nofile"], "77");
  EXPECT_EQ(report["cwd"], directory_.path());
  EXPECT_EQ(report["argv"], std::string(GSERVE_MOCK_WORKER) + " -m two words ");
  EXPECT_EQ(report["COLOUR"], "blue");
}

TEST_F(ProcessLauncherTest, FailedExecSaysWhyAndLeavesNoZombieOrDescriptor) {
  auto spec = testing::mock_worker("");
  spec.argv = {directory_.path() + "/missing"};
  const int before = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
  ::close(before);
  const auto result = launcher_.launch(spec);
  ASSERT_TRUE(std::holds_alternative<std::string>(result));
  EXPECT_EQ(std::get<std::string>(result),
            "cannot start " + directory_.path() + "/missing: No such file or directory");
  EXPECT_FALSE(has_children());
  const UniqueFd after(::fcntl(0, F_DUPFD_CLOEXEC, 0));
  EXPECT_EQ(after.get(), before);
}

TEST_F(ProcessLauncherTest, MissingDirectoryIsNamed) {
  auto spec = testing::mock_worker("exit 0");
  spec.directory = "/nonexistent";
  const auto result = launcher_.launch(spec);
  ASSERT_TRUE(std::holds_alternative<std::string>(result));
  EXPECT_THAT(std::get<std::string>(result), HasSubstr("in /nonexistent: No such file or directory"));
  EXPECT_FALSE(has_children());
}

TEST_F(ProcessLauncherTest, ChildOutlivesTheLaunch) {
  const ports::Process child = testing::launched(launcher_.launch(testing::mock_worker("hang")));
  EXPECT_EQ(::kill(child.pid, 0), 0);
  ::kill(child.pid, SIGKILL);
  EXPECT_TRUE(testing::readable(child.pidfd.get()));
  reap_child(child.pid);
}

/// Every number of free descriptors from none to more than enough: a launch works, or fails with one line and
/// leaves no child.
TEST_F(ProcessLauncherTest, RunningOutOfDescriptorsFailsCleanly) {
  const int next = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
  ::close(next);
  const auto free_low = static_cast<rlim_t>(next);
  int worked = 0;
  for (rlim_t room = 0; room < 14; ++room) {
    rlimit tight = limit_;
    tight.rlim_cur = free_low + room;
    ::setrlimit(RLIMIT_NOFILE, &tight);
    auto result = launcher_.launch(testing::mock_worker("hang"));
    ::setrlimit(RLIMIT_NOFILE, &limit_);
    if (auto* process = std::get_if<ports::Process>(&result)) {
      ++worked;
      ::kill(process->pid, SIGKILL);
      reap_child(process->pid);
    } else {
      EXPECT_THAT(std::get<std::string>(result), HasSubstr("Too many open files")) << room;
    }
    EXPECT_FALSE(has_children()) << room;
  }
  EXPECT_GT(worked, 0);
  EXPECT_LT(worked, 14);
}

}  // namespace
}  // namespace gserve::io
