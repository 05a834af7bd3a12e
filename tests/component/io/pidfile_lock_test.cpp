// SPDX-License-Identifier: MIT
#include "supervisor/io/pidfile_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/component/io/temporary_directory.h"

namespace gserve::io {
namespace {

using gserve::testing::LoweredLimit;
using gserve::testing::NoSpareDescriptors;
using gserve::testing::read_file;
using gserve::testing::TemporaryDirectory;
using gserve::testing::write_file;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string pid_text(core::Pid pid) {
  return std::to_string(pid) + "\n";
}

std::optional<PidfileLock> acquired(const std::string& path, core::Pid pid = ::getpid()) {
  auto result = PidfileLock::acquire(path, pid);
  if (const auto* reason = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *reason;
    return std::nullopt;
  }
  return std::get<PidfileLock>(std::move(result));
}

std::string refused(const std::string& path, core::Pid pid = ::getpid()) {
  auto result = PidfileLock::acquire(path, pid);
  if (auto* reason = std::get_if<std::string>(&result)) return *reason;
  ADD_FAILURE() << "was acquired";
  return {};
}

/// The pid of a process that has ended.
core::Pid dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(PidfileLock, WritesThePidForEveryoneToReadAndRemovesItAtTheEnd) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  {
    const auto lock = acquired(path);
    EXPECT_EQ(read_file(path), pid_text(::getpid()));
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, 0644u);
    EXPECT_EQ(directory.entries(), 1u);
  }
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(PidfileLock, IsRefusedWhileItsOwnerLives) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  const auto lock = acquired(path);
  EXPECT_THAT(refused(path, ::getpid() + 1),
              StartsWith("already running (pid " + std::to_string(::getpid()) + ")"));
  EXPECT_EQ(read_file(path), pid_text(::getpid()));
}

TEST(PidfileLock, IsRefusedToAProcessOfTheSamePidInAnotherContainer) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  const auto lock = acquired(path);
  EXPECT_THAT(refused(path), StartsWith("already running (pid " + std::to_string(::getpid()) + ")"));
  EXPECT_EQ(read_file(path), pid_text(::getpid()));
}

TEST(PidfileLock, CanBeMoved) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  auto first = acquired(path);
  {
    const PidfileLock second = std::move(*first);
    first.reset();
    EXPECT_EQ(read_file(path), pid_text(::getpid()));
  }
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(PidfileLock, ReplacesAStaleFile) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  const std::string stale[] = {
      pid_text(dead_pid()), "", "\n", "not a pid\n", "-1\n", "0\n", "12x\n", pid_text(::getpid()),
      "99999999999999\n"};
  for (const std::string& text : stale) {
    write_file(path, text);
    const auto lock = acquired(path);
    EXPECT_EQ(read_file(path), pid_text(::getpid())) << text;
    EXPECT_EQ(directory.entries(), 1u);
  }
}

TEST(PidfileLock, RespectsALiveProcessThatHoldsNoLock) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  const std::string text = pid_text(::getppid());
  write_file(path, text);
  EXPECT_THAT(refused(path), StartsWith("already running (pid " + std::to_string(::getppid()) + ")"));
  EXPECT_EQ(read_file(path), text);
}

TEST(PidfileLock, LeavesAFileAloneThatIsNoLongerItsOwn) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  {
    const auto lock = acquired(path);
    write_file(path, "4711\n");
  }
  EXPECT_EQ(read_file(path), "4711\n");
  std::filesystem::remove(path);
  {
    const auto lock = acquired(path);
    std::filesystem::remove(path);
    write_file(path, pid_text(::getpid()));  // another file
  }
  EXPECT_EQ(read_file(path), pid_text(::getpid()));
}

TEST(PidfileLock, SaysWhyAPathCannotBeUsed) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "dir");
  std::filesystem::create_symlink(directory / "target", directory / "link");
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  const struct {
    std::string name;
    const char* reason;
  } cases[] = {
      {"missing/app.pid", "No such file or directory; create the directory first"},
      {"dir", "it is not a regular file"},
      {"link", "it is a symbolic link; give the file's own path"},
      {"fifo", "it is not a regular file"},
  };
  for (const auto& [name, reason] : cases) {
    EXPECT_EQ(refused(directory / name), "cannot write the pidfile " + (directory / name) + ": " + reason);
  }
  EXPECT_EQ(directory.entries(), 3u);
}

TEST(PidfileLock, LeavesNothingBehindWhenTheDiskTakesNoData) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  {
    const LoweredLimit no_data(RLIMIT_FSIZE, 0);
    EXPECT_THAT(refused(path), HasSubstr("File too large"));
    EXPECT_EQ(directory.entries(), 0u);
  }
  write_file(path, "garbage\n");
  {
    const LoweredLimit no_data(RLIMIT_FSIZE, 0);
    EXPECT_THAT(refused(path), HasSubstr("File too large"));
  }
  ::signal(SIGXFSZ, before);
  EXPECT_EQ(read_file(path), "garbage\n");
  EXPECT_EQ(directory.entries(), 1u);
}

TEST(PidfileLock, LeavesNothingBehindWithoutADescriptorToSpare) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  for (rlim_t spare = 0; spare < 2; ++spare) {
    std::string reason;
    {
      const NoSpareDescriptors limit(spare);
      reason = refused(path);
    }
    EXPECT_THAT(reason, HasSubstr("Too many open files"));
  }
  EXPECT_EQ(directory.entries(), 0u);
}

/// A process that waits for the end of file on `start`, acquires `path` and reports: 'o', it is the owner and
/// stays so, or 'r', it was refused as it should be.
[[noreturn]] void contend(const std::string& path, int start, int report) {
  char byte = 0;
  if (::read(start, &byte, 1) != 0) ::_exit(1);
  auto result = PidfileLock::acquire(path, ::getpid());
  const auto* reason = std::get_if<std::string>(&result);
  const bool as_expected = reason != nullptr && reason->starts_with("already running (pid ");
  byte = reason == nullptr ? 'o' : as_expected ? 'r' : '?';
  if (::write(report, &byte, 1) != 1) ::_exit(1);
  while (reason == nullptr) ::pause();
  ::_exit(0);
}

/// Starts 8 contenders at once, returns their reports in order of arrival, and kills the owner without
/// warning.
std::string reports_of_a_race(const std::string& path) {
  constexpr int kContenders = 8;
  int start[2];
  int report[2];
  if (::pipe(start) != 0 || ::pipe(report) != 0) return "no pipe";
  UniqueFd start_read(start[0]), start_write(start[1]), report_read(report[0]), report_write(report[1]);
  std::vector<pid_t> children;
  for (int i = 0; i < kContenders; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      start_write.reset();  // or the end of file would never come
      contend(path, start_read.get(), report_write.get());
    }
    children.push_back(child);
  }
  start_write.reset();
  report_write.reset();
  std::string reports;
  char byte = 0;
  while (reports.size() < kContenders && ::read(report_read.get(), &byte, 1) == 1) reports += byte;
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  std::sort(reports.begin(), reports.end());
  return reports;
}

TEST(PidfileLock, HasOneOwnerWhenManyStartAtOnceAndIsFreeAfterACrash) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.pid";
  for (int round = 0; round < 20; ++round)
    ASSERT_EQ(reports_of_a_race(path), "orrrrrrr") << "round " << round;
  const auto lock = acquired(path);
  EXPECT_EQ(read_file(path), pid_text(::getpid()));
}

/// Takes and releases the lock again and again, under one pid for all, as in containers: then only the lock
/// itself tells owners apart. 'o': no other owner was ever seen meanwhile.
char own_again_and_again(const std::string& path, core::Pid pid) {
  const std::string marker = path + ".owner";
  for (int owned = 0; owned < 100;) {
    auto result = PidfileLock::acquire(path, pid);
    if (std::holds_alternative<std::string>(result)) continue;
    const UniqueFd alone(::open(marker.c_str(), O_CREAT | O_EXCL | O_RDONLY, 0600));
    if (!alone) return '2';
    ::unlink(marker.c_str());
    ++owned;
  }
  return 'o';
}

TEST(PidfileLock, NeverHasTwoOwnersWhenOneLeavesAsAnotherComes) {
  const TemporaryDirectory directory;
  const core::Pid parent = ::getpid();
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(own_again_and_again(directory / "app.pid", parent));
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 'o');
  }
  EXPECT_EQ(directory.entries(), 0u);
}

}  // namespace
}  // namespace gserve::io
