// SPDX-License-Identifier: MIT
#include "supervisor/io/notify_socket.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"
#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;

TEST(WorkerMessageTest, FieldsAreReadLineByLine) {
  const auto message = parse_worker_message("READY=1\nSTATUS=all = well\nX_GSERVE_WORKER=7\n");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->launch, 7U);
  EXPECT_TRUE(message->says("READY"));
  EXPECT_FALSE(message->says("STOPPING"));
  EXPECT_EQ(message->fields.at("STATUS"), "all = well");
}

TEST(WorkerMessageTest, MessageWithoutAUsableLaunchIdIsNone) {
  EXPECT_FALSE(parse_worker_message(""));
  EXPECT_FALSE(parse_worker_message("READY=1"));
  EXPECT_FALSE(parse_worker_message("X_GSERVE_WORKER="));
  EXPECT_FALSE(parse_worker_message("X_GSERVE_WORKER=-1"));
  EXPECT_FALSE(parse_worker_message("X_GSERVE_WORKER=7x"));
  EXPECT_FALSE(parse_worker_message("X_GSERVE_WORKER=99999999999999999999999"));
}

TEST(RuntimeDirectoriesTest, ServiceManagersDirectoryComesFirst) {
  const std::map<std::string, std::string> environment = {
      {"RUNTIME_DIRECTORY", "/run/a:/run/b"}, {"XDG_RUNTIME_DIR", "/run/user/7"}, {"TMPDIR", "/var/tmp"}};
  EXPECT_EQ(runtime_directories(environment, true),
            (std::vector<std::string>{"/run/a", "/run/gserve", "/run/user/7", "/var/tmp", "/tmp"}));
  EXPECT_EQ(runtime_directories({}, false), std::vector<std::string>{"/tmp"});
}

class NotifySocketTest : public ::testing::Test {
 protected:
  void run_worker(const std::string& script, const std::string& path) {
    BoostProcessLauncher launcher(rlimit{256, 256});
    const auto spec = testing::mock_worker(script, {"NOTIFY_SOCKET=" + path, "GSERVE_LAUNCH_ID=5"});
    const ports::Process child = testing::launched(launcher.launch(spec));
    child_ = child.pid;
    reap_child(child.pid);
  }

  /// Sends `text`, with `fd` as SCM_RIGHTS when there is one.
  static void send(const std::string& path, std::string text, std::optional<int> fd = {}) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    iovec data{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof address;
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (fd) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(rights), &*fd, sizeof(int));
    }
    ASSERT_GE(::sendmsg(socket.get(), &header, 0), 0) << std::strerror(errno);
  }

  static std::size_t entries(const std::string& directory) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
  }

  TemporaryDirectory directory_;
  core::Pid child_ = 0;
};

TEST_F(NotifySocketTest, SenderIsWhoTheKernelSays) {
  NotifySocket socket({directory_.path()});
  run_worker("ready exit 0", socket.path());
  const auto messages = socket.receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].sender, child_);
  EXPECT_EQ(messages[0].launch, 5U);
}

TEST_F(NotifySocketTest, StrangerThatSpeaksForAWorkerHasAnotherPid) {
  NotifySocket socket({directory_.path()});
  run_worker("stranger exit 0", socket.path());
  const auto messages = socket.receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].sender, child_);
}

TEST_F(NotifySocketTest, GarbageIsDroppedAndWhatFollowsIsRead) {
  NotifySocket socket({directory_.path()});
  send(socket.path(), "READY=1");
  send(socket.path(), std::string("=\n\0\xff=\n==\nX_GSERVE_WORKER=", 23));
  send(socket.path(), "");
  send(socket.path(), "READY=1\nX_GSERVE_WORKER=5");
  const auto messages = socket.receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(messages[0].says("READY"));
  EXPECT_EQ(socket.dropped(), 3U);
}

TEST_F(NotifySocketTest, LongTracebackArrivesWhole) {
  NotifySocket socket({directory_.path()});
  const std::string traceback(std::size_t{100} * 1024, 'x');
  send(socket.path(), "X_GSERVE_BOOT_ERROR=\"" + traceback + "\"\nX_GSERVE_WORKER=5");
  const auto messages = socket.receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].fields.at("X_GSERVE_BOOT_ERROR"), "\"" + traceback + "\"");
}

TEST_F(NotifySocketTest, PassedDescriptorsAreClosed) {
  NotifySocket socket({directory_.path()});
  const UniqueFd probe_before(::dup(0));
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  send(socket.path(), "READY=1\nX_GSERVE_WORKER=5", pipe_ends[1]);
  ::close(pipe_ends[1]);
  socket.receive();
  char byte;
  EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 0) << "somebody still holds the write end";
  ::close(pipe_ends[0]);
}

TEST_F(NotifySocketTest, OtherUsersMaySendButNotList) {
  NotifySocket socket({directory_.path()});
  struct stat info {};
  ASSERT_EQ(::stat(socket.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666U);
  ASSERT_EQ(::stat(fs::path(socket.path()).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0711U);
}

TEST_F(NotifySocketTest, NothingIsLeftBehind) {
  const std::string base = directory_.path() + "/made";
  { NotifySocket socket({base}); }
  EXPECT_FALSE(fs::exists(base));
  { NotifySocket socket({directory_.path()}); }
  EXPECT_EQ(entries(directory_.path()), 0U);
}

TEST_F(NotifySocketTest, WhatAKilledSupervisorLeftIsRemovedAndALiveOneIsNot) {
  NotifySocket live({directory_.path()});
  const std::string left = directory_.path() + "/.gserve-notify-killed";
  fs::create_directory(left);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (left + "/notify").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  NotifySocket next({directory_.path()});
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(live.path()));
}

TEST_F(NotifySocketTest, UnusableDirectoriesAreSkipped) {
  const std::string too_long = directory_.path() + "/" + std::string(100, 'l');
  NotifySocket socket({"/proc/nowhere", too_long, directory_.path()});
  EXPECT_EQ(socket.path().rfind(directory_.path() + "/.gserve-notify-", 0), 0U);
  EXPECT_FALSE(fs::exists(too_long));
}

TEST_F(NotifySocketTest, NoUsableDirectoryIsOneClearLine) {
  const std::string too_long = directory_.path() + "/" + std::string(100, 'l');
  try {
    NotifySocket socket({"/proc/nowhere", too_long});
    FAIL() << "opened " << socket.path();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("cannot make a directory in /proc/nowhere: No such file or directory"));
    EXPECT_THAT(error.what(), HasSubstr("is too long for a Unix socket's path"));
  }
}

}  // namespace
}  // namespace gserve::io
