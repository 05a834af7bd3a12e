// SPDX-License-Identifier: MIT
// What systemd says of the descriptors that it passes, and of those that it stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "supervisor/io/descriptor_store.h"

namespace gserve::io {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(PassedDescriptors, AreThoseThatSystemdPassedToThisProcess) {
  const auto read = [](const std::map<std::string, std::string>& variables) {
    return passed_descriptors(
        [&](const std::string& name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        42);
  };
  const auto fds = [&](const std::map<std::string, std::string>& variables) {
    return std::get<PassedDescriptors>(read(variables)).activated;
  };
  EXPECT_THAT(fds({}), IsEmpty());
  EXPECT_THAT(fds({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "3"}}), ElementsAre(3, 4, 5));
  EXPECT_THAT(fds({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "0"}}), IsEmpty());
  EXPECT_THAT(fds({{"LISTEN_PID", "43"}, {"LISTEN_FDS", "3"}}), IsEmpty());
  EXPECT_THAT(fds({{"LISTEN_PID", "me"}, {"LISTEN_FDS", "3"}}), IsEmpty());
  EXPECT_THAT(fds({{"LISTEN_PID", "42"}}), IsEmpty());
  EXPECT_THAT(fds({{"LISTEN_FDS", "3"}}), IsEmpty());
  EXPECT_EQ(std::get<std::string>(read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "many"}})),
            "LISTEN_FDS: invalid value 'many': must be a number from 0 to 1024");
  EXPECT_EQ(std::get<std::string>(read({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "99999"}})),
            "LISTEN_FDS: invalid value '99999': must be a number from 0 to 1024");
}

TEST(PassedDescriptors, OfTheStoreAreToldByTheirNames) {
  const std::map<std::string, std::string> variables = {
      {"LISTEN_PID", "42"},
      {"LISTEN_FDS", "3"},
      {"LISTEN_FDNAMES", "gserve.socket:gserve-listener-http_//127.0.0.1_8000:stored"}};
  const auto passed = std::get<PassedDescriptors>(
      passed_descriptors([&](const std::string& name) { return std::optional(variables.at(name)); }, 42));
  EXPECT_THAT(passed.activated, ElementsAre(3, 5));
  ASSERT_THAT(passed.stored, SizeIs(1));
  EXPECT_EQ(passed.stored[0].fd, 4);
  EXPECT_EQ(passed.stored[0].name, store_name("http://127.0.0.1:8000"));
}

TEST(StoreName, HoldsWhatSystemdAllows) {
  EXPECT_EQ(store_name("http://[::1]:80"), "gserve-listener-http_//[__1]_80");
  EXPECT_EQ(store_name("unix:/caf\xe9\n"), "gserve-listener-unix_/caf__");
  EXPECT_THAT(store_name(std::string(300, 'x')), SizeIs(255));
}

TEST(StoreCapacity, IsWhatTheManagerSays) {
  const auto capacity = [](const std::map<std::string, std::string>& variables) {
    return store_capacity([&variables](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  EXPECT_EQ(capacity({{"NOTIFY_SOCKET", "/run/n"}, {"FDSTORE", "64"}}), 64);
  EXPECT_EQ(capacity({{"NOTIFY_SOCKET", "/run/n"}}), 0);
  EXPECT_EQ(capacity({{"FDSTORE", "64"}}), 0);
  EXPECT_EQ(capacity({{"NOTIFY_SOCKET", "/run/n"}, {"FDSTORE", "some"}}), 0);
}

}  // namespace
}  // namespace gserve::io
