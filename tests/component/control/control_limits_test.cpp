// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include "tests/component/control/bus_probe.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(ControlLimits, SilentPeersDoNotLockOutAGoodOne) {
  ControlServer server;
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 100; ++i) silent.emplace_back(raw_connect(server.socket()));
  BusProbe probe(raw_connect(server.socket()));
  EXPECT_TRUE(probe.works());
  EXPECT_LE(server.peers(), 64U);
  EXPECT_TRUE(is_closed_within(silent.front().get(), seconds(20))) << "the oldest goes first";
}

TEST(ControlLimits, APeerThatDoesNotAuthenticateIsClosed) {
  io::ControlLimits limits;
  limits.authentication = milliseconds(50);
  ControlServer server(limits);
  const UniqueFd silent(raw_connect(server.socket()));
  EXPECT_TRUE(is_closed_within(silent.get(), seconds(20)));
  EXPECT_EQ(server.peers(), 0U);
}

TEST(ControlLimits, SlowAuthenticationDoesNotBuyTime) {
  io::ControlLimits limits;
  limits.authentication = milliseconds(200);
  ControlServer server(limits);
  const UniqueFd slow(raw_connect(server.socket()));
  const std::string bytes = std::string(1, '\0') + "AUTH EXTERNAL " + std::string(10'000, '3');
  const auto start = std::chrono::steady_clock::now();
  for (const char byte : bytes) {
    if (send(slow.get(), &byte, 1, MSG_NOSIGNAL) != 1) break;
    if (is_closed_within(slow.get(), milliseconds(5))) break;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
  EXPECT_TRUE(server.eventually([&] { return server.control().peers() == 0; }));
}

TEST(ControlLimits, AnIdlePeerIsClosedAndABusyOneIsNot) {
  io::ControlLimits limits;
  limits.idle = milliseconds(400);
  ControlServer server(limits);
  BusProbe idle(raw_connect(server.socket()));
  BusProbe busy(raw_connect(server.socket()));
  ASSERT_TRUE(idle.works() && busy.works());
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (server.peers() == 2 && std::chrono::steady_clock::now() < deadline) ASSERT_TRUE(busy.works());
  EXPECT_EQ(server.peers(), 1U);
  EXPECT_TRUE(busy.works());
}

TEST(ControlLimits, APeerMoreThanTheLimitIsRefused) {
  io::ControlLimits limits;
  limits.peers = 3;
  ControlServer server(limits);
  std::vector<std::unique_ptr<BusProbe>> good;
  for (int i = 0; i < 3; ++i) {
    good.push_back(std::make_unique<BusProbe>(raw_connect(server.socket())));
    ASSERT_TRUE(good.back()->works());
  }
  const UniqueFd fourth(raw_connect(server.socket()));
  EXPECT_TRUE(is_closed_within(fourth.get(), seconds(20)));
  EXPECT_TRUE(good.front()->works());
  EXPECT_THAT(server.log(), Contains(HasSubstr("3 clients are connected already")));
}

TEST(ControlLimits, AClientThatNeverReadsIsCutOffAndCostsLittleMemory) {
  ControlServer server;
  for (int i = 0; i < 20; ++i) server.supervisor().report.workers.emplace_back().pool = "web";
  BusProbe deaf(raw_connect(server.socket()));
  ASSERT_TRUE(deaf.works());
  const std::size_t before = resident_bytes();
  int calls = 0;
  std::uint64_t cookie = 0;
  sd_bus_message* call = nullptr;
  sd_bus_message_new_method_call(deaf.bus(), &call, nullptr, control::kObjectPath, control::kInterface,
                                 "GetStatus");
  while (calls < 100'000 && sd_bus_send(deaf.bus(), call, &cookie) >= 0 && sd_bus_flush(deaf.bus()) >= 0) {
    ++calls;
    sd_bus_message_unref(call);
    sd_bus_message_new_method_call(deaf.bus(), &call, nullptr, control::kObjectPath, control::kInterface,
                                   "GetStatus");
  }
  sd_bus_message_unref(call);
  EXPECT_LT(calls, 100'000) << "it was never cut off";
  EXPECT_TRUE(server.eventually([&] { return server.control().peers() == 0; }));
  EXPECT_THAT(server.log(), Contains(HasSubstr("does not read")));
  EXPECT_LT(resident_bytes(), before + (64U << 20));
}

TEST(ControlLimits, SignalsThatNobodyReadsAreNotHoardedEither) {
  ControlServer server;
  BusProbe deaf(raw_connect(server.socket()));
  ASSERT_TRUE(deaf.works());
  server.on_loop([&] {
    for (int i = 0; i < 5000; ++i) server.control().job_progress(1, std::string(1000, 'x'));
  });
  EXPECT_EQ(server.peers(), 0U);
}

/// A socket made beforehand, so that connecting takes no descriptor.
int connect_with(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

TEST(ControlLimits, RunningOutOfDescriptorsIsWaitedOut) {
  io::ControlLimits limits;
  limits.accept_pause = milliseconds(20);
  ControlServer server(limits);
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  server.on_loop([&] { setrlimit(RLIMIT_NOFILE, &none); });
  ASSERT_EQ(connect_with(client, server.socket()), 0);
  const bool noticed = server.eventually([&] { return true; }) && [&] {
    for (int i = 0; i < 1000; ++i) {
      if (!server.log().empty()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }();
  const std::size_t attempts = server.log().size();
  server.on_loop([&] { setrlimit(RLIMIT_NOFILE, &before); });
  EXPECT_TRUE(noticed);
  EXPECT_LT(attempts, 50U) << "it must pause, not spin";
  BusProbe probe(client);
  EXPECT_TRUE(probe.works());
}

}  // namespace
}  // namespace gserve::test
