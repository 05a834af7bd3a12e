// SPDX-License-Identifier: MIT
#include "supervisor/io/control_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/component/control/control_server.h"

namespace gserve::io {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using testing::HasSubstr;
using Kind = ControlUnavailable::Kind;

ControlPlace place_in(const std::string& run_root) {
  ControlPlace place;
  place.name = "shop";
  place.run_root = run_root;
  return place;
}

ControlDirectory claimed(const ControlPlace& place) {
  auto result = ControlDirectory::claim(place);
  if (auto* failure = std::get_if<ControlUnavailable>(&result)) throw std::runtime_error(failure->reason);
  return std::get<ControlDirectory>(std::move(result));
}

ControlUnavailable refused(const ControlPlace& place) {
  auto result = ControlDirectory::claim(place);
  if (std::holds_alternative<ControlDirectory>(result))
    throw std::runtime_error("claimed, against expectation");
  return std::get<ControlUnavailable>(result);
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

/// A socket file that nobody listens on, as a killed process leaves it.
void leave_stale_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd.get(), 1), 0);
}

TEST(ControlDirectory, MakesAPrivateSocketWhateverTheUmask) {
  const TempDir temp;
  for (const mode_t mask : {0000U, 0077U, 0777U}) {
    const mode_t before = umask(mask);
    const ControlDirectory directory = claimed(place_in(temp.path()));
    umask(before);
    EXPECT_EQ(directory.path(), temp.path() + "/gserve/shop/control");
    EXPECT_EQ(mode_of(temp.path() + "/gserve"), 0755U);
    EXPECT_EQ(mode_of(temp.path() + "/gserve/shop"), 0700U);
    EXPECT_EQ(mode_of(directory.path()), 0600U);
  }
}

TEST(ControlDirectory, GivesTheSocketTheModeAskedFor) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  place.socket_mode = 0660;
  EXPECT_EQ(mode_of(claimed(place).path()), 0660U);
}

TEST(ControlDirectory, RemovesWhatItMade) {
  const TempDir temp;
  claimed(place_in(temp.path())).remove();
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(ControlDirectory, LeavesDirectoriesThatItDidNotMakeOrThatAreInUse) {
  const TempDir temp;
  fs::create_directories(temp.path() + "/gserve");
  claimed(place_in(temp.path())).remove();
  EXPECT_TRUE(fs::exists(temp.path() + "/gserve"));
  EXPECT_FALSE(fs::exists(temp.path() + "/gserve/shop"));
  ControlDirectory directory = claimed(place_in(temp.path()));
  std::ofstream(temp.path() + "/gserve/shop/note") << "mine";
  directory.remove();
  EXPECT_TRUE(fs::exists(temp.path() + "/gserve/shop/note"));
  EXPECT_FALSE(fs::exists(temp.path() + "/gserve/shop/control"));
}

TEST(ControlDirectory, PrefersTheFirstRuntimeDirectory) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  fs::create_directory(temp.path() + "/first");
  place.runtime_directory = temp.path() + "/first:" + temp.path() + "/second";
  EXPECT_EQ(claimed(place).path(), temp.path() + "/first/control");
  EXPECT_TRUE(fs::exists(temp.path() + "/first"));
}

TEST(ControlDirectory, UsesTheUsersRuntimeDirectoryWhenNotRoot) {
  const TempDir temp;
  ControlPlace place = place_in("/nowhere");
  place.euid = 1000;
  place.xdg_runtime_dir = temp.path();
  const ControlDirectory directory = claimed(place);
  EXPECT_EQ(directory.path(), temp.path() + "/gserve/shop/control");
  EXPECT_EQ(mode_of(temp.path() + "/gserve"), 0700U);
}

TEST(ControlDirectory, ALiveOwnerIsAnErrorThatNamesItsPid) {
  const TempDir temp;
  ControlDirectory first = claimed(place_in(temp.path()));
  const ControlUnavailable second = refused(place_in(temp.path()));
  EXPECT_EQ(second.kind, Kind::already_running);
  EXPECT_THAT(second.reason, HasSubstr("already running (pid " + std::to_string(getpid()) + ")"));
  const UniqueFd client(test::raw_connect(first.path()));
  EXPECT_TRUE(client) << "the first one must be untouched";
}

TEST(ControlDirectory, AnOwnerWithAFullQueueIsAlive) {
  const TempDir temp;
  ControlDirectory first = claimed(place_in(temp.path()));
  const UniqueFd listener = first.listener();
  ASSERT_EQ(listen(listener.get(), 0), 0);
  const UniqueFd waiting(test::raw_connect(first.path()));
  EXPECT_EQ(refused(place_in(temp.path())).kind, Kind::already_running);
}

TEST(ControlDirectory, ReplacesTheSocketOfADeadProcess) {
  const TempDir temp;
  fs::create_directories(temp.path() + "/gserve/shop");
  leave_stale_socket(temp.path() + "/gserve/shop/control");
  const ControlDirectory directory = claimed(place_in(temp.path()));
  const UniqueFd client(test::raw_connect(directory.path()));
  EXPECT_TRUE(client);
}

TEST(ControlDirectory, NeverRemovesWhatIsNoSocket) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  place.explicit_path = temp.path() + "/precious";
  std::ofstream(place.explicit_path) << "data";
  const ControlUnavailable failure = refused(place);
  EXPECT_EQ(failure.kind, Kind::failed);
  EXPECT_THAT(failure.reason, HasSubstr("something else is there"));
  EXPECT_EQ(fs::file_size(place.explicit_path), 4U);
}

TEST(ControlDirectory, LeavesASuccessorsSocketAlone) {
  const TempDir temp;
  ControlDirectory directory = claimed(place_in(temp.path()));
  const std::string path = directory.path();
  fs::rename(path, path + ".old");
  leave_stale_socket(path);
  directory.remove();
  EXPECT_TRUE(fs::exists(path));
}

TEST(ControlDirectory, WithoutAWritableDirectoryThereIsANoticeAndNoSocket) {
  const TempDir temp;
  std::ofstream(temp.path() + "/gserve") << "a file where a directory should be";
  const ControlUnavailable failure = refused(place_in(temp.path()));
  EXPECT_EQ(failure.kind, Kind::no_directory);
  EXPECT_THAT(failure.reason, HasSubstr(temp.path() + "/gserve/shop"));
}

TEST(ControlDirectory, WithoutAnyRuntimeDirectoryThereIsANotice) {
  ControlPlace place = place_in("/nowhere");
  place.euid = 1000;
  const ControlUnavailable failure = refused(place);
  EXPECT_EQ(failure.kind, Kind::no_directory);
  EXPECT_THAT(failure.reason, HasSubstr("XDG_RUNTIME_DIR"));
}

TEST(ControlDirectory, AnExplicitPathThatCannotBeMadeIsAnError) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  place.explicit_path = temp.path() + "/missing/control";
  const ControlUnavailable failure = refused(place);
  EXPECT_EQ(failure.kind, Kind::failed);
  EXPECT_THAT(failure.reason, HasSubstr("No such file or directory"));
}

TEST(ControlDirectory, AnExplicitPathMayStandInASharedDirectory) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  place.explicit_path = temp.path() + "/a.sock";
  ControlPlace other = place;
  other.explicit_path = temp.path() + "/b.sock";
  const ControlDirectory first = claimed(place);
  const ControlDirectory second = claimed(other);
  EXPECT_EQ(mode_of(second.path()), 0600U);
}

TEST(ControlDirectory, RefusesAPathThatSocketsCannotHave) {
  const TempDir temp;
  ControlPlace place = place_in(temp.path());
  place.explicit_path = temp.path() + "/" + std::string(120, 'x');
  EXPECT_THAT(refused(place).reason, HasSubstr("too long"));
}

TEST(ControlDirectory, RefusesNamesThatAreNoFileNames) {
  const TempDir temp;
  for (const std::string name : {"", "..", "a/b", ".hidden", "a b"}) {
    ControlPlace place = place_in(temp.path());
    place.name = name;
    EXPECT_EQ(refused(place).kind, Kind::failed) << name;
  }
}

struct Race {
  std::vector<ControlDirectory> winners;  // held until all have tried
  std::vector<ControlUnavailable> losers;
};

/// Starts `count` claims at once.
Race race(const ControlPlace& place, int count) {
  Race race;
  std::mutex mutex;
  std::atomic<int> arrived{0};
  std::vector<std::thread> starters;
  for (int i = 0; i < count; ++i) {
    starters.emplace_back([&] {
      for (++arrived; arrived < count;) std::this_thread::yield();
      auto result = ControlDirectory::claim(place);
      const std::lock_guard guard(mutex);
      if (auto* won = std::get_if<ControlDirectory>(&result)) {
        race.winners.push_back(std::move(*won));
      } else {
        race.losers.push_back(std::get<ControlUnavailable>(result));
      }
    });
  }
  for (std::thread& starter : starters) starter.join();
  return race;
}

TEST(ControlDirectory, OfCompetingStartersExactlyOneWins) {
  const TempDir temp;
  fs::create_directories(temp.path() + "/gserve/shop");
  for (int round = 0; round < 50; ++round) {
    leave_stale_socket(temp.path() + "/gserve/shop/control");
    const Race result = race(place_in(temp.path()), 6);
    EXPECT_EQ(result.winners.size(), 1U);
    for (const ControlUnavailable& loser : result.losers) {
      EXPECT_EQ(loser.kind, Kind::already_running) << loser.reason;
    }
  }
}

/// How many descriptors of this process are open on `path`.
int descriptors_on(const std::string& path) {
  int count = 0;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
    count += fs::read_symlink(entry, gone) == path;
  return count;
}

TEST(ControlDirectory, ADirectoryThatIsRemovedWhileItsLockIsAwaitedIsMadeAgain) {
  const TempDir temp;
  const std::string directory = temp.path() + "/gserve/shop";
  fs::create_directories(directory);
  UniqueFd predecessor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(predecessor.get(), LOCK_EX), 0);
  std::thread starter(
      [&] { EXPECT_NO_THROW(EXPECT_TRUE(fs::exists(claimed(place_in(temp.path())).path()))); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (descriptors_on(directory) < 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  fs::remove(directory);
  predecessor.reset();
  starter.join();
}

TEST(ControlDirectory, ALockThatIsNotGivenBackIsNotAwaitedForEver) {
  const TempDir temp;
  const UniqueFd stranger(open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(stranger.get(), LOCK_EX), 0);
  ControlPlace place = place_in(temp.path());
  place.explicit_path = temp.path() + "/control";
  EXPECT_THAT(refused(place).reason, HasSubstr("cannot lock the directory"));
}

TEST(ControlDirectory, StartingWhileAnotherInstanceEndsSucceeds) {
  const TempDir temp;
  std::atomic<bool> over{false};
  std::thread neighbour([&] {
    ControlPlace place = place_in(temp.path());
    place.name = "other";
    while (!over) claimed(place).remove();
  });
  for (int i = 0; i < 100; ++i) EXPECT_NO_THROW(claimed(place_in(temp.path())));
  over = true;
  neighbour.join();
}

}  // namespace
}  // namespace gserve::io
