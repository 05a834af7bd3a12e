// SPDX-License-Identifier: MIT
#include "ctl/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gserve::ctl {
namespace {

using testing::ElementsAre;

TEST(Remote, RunsTheSameCommandThere) {
  EXPECT_THAT(remote_command("admin@web1", {"-n", "shop", "-H", "admin@web1", "status", "--json"}, false),
              ElementsAre("ssh", "--", "admin@web1", "gservectl", "-n", "shop", "status", "--json"));
  for (const char* way : {"-Hweb1", "--host=web1"}) {
    EXPECT_THAT(remote_command("web1", {way, "scale", "+2"}, true),
                ElementsAre("ssh", "-t", "--", "web1", "gservectl", "scale", "+2"));
  }
  EXPECT_THAT(remote_command("web1", {"--host", "web1", "list"}, false),
              ElementsAre("ssh", "--", "web1", "gservectl", "list"));
}

TEST(Remote, WhatTheShellThereWouldInterpretIsQuoted) {
  EXPECT_THAT(
      remote_command("web1", {"upgrade", "--binary", "/opt/it's $(new)", ""}, false),
      ElementsAre("ssh", "--", "web1", "gservectl", "upgrade", "--binary", "'/opt/it'\\''s $(new)'", "''"));
}

}  // namespace
}  // namespace gserve::ctl
