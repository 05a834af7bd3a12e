// SPDX-License-Identifier: MIT
#include "ctl/log_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/component/control/control_server.h"

namespace gserve::ctl {
namespace {

using testing::ElementsAre;
using Lines = std::vector<std::string>;

class LogTailTest : public ::testing::Test {
 protected:
  void append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  Lines last(std::size_t count) {
    Lines lines;
    EXPECT_EQ(tail_.last(count, into(lines)), "");
    return lines;
  }
  static LogTail::Line into(Lines& lines) {
    return [&lines](std::string_view line) {
      lines.emplace_back(line);
      return true;
    };
  }

  test::TempDir directory_;
  std::string path_ = directory_.path() + "/log";
  LogTail tail_{path_};
};

TEST_F(LogTailTest, ShowsTheLastLines) {
  append("one\ntwo\nthree\n");
  EXPECT_THAT(last(2), ElementsAre("two", "three"));
  EXPECT_THAT(last(3), ElementsAre("one", "two", "three"));
  EXPECT_THAT(last(100), ElementsAre("one", "two", "three"));
}

TEST_F(LogTailTest, FindsThemInALongFile) {
  for (int i = 0; i < 30'000; ++i) append("line " + std::to_string(i) + "\n");
  EXPECT_THAT(last(2), ElementsAre("line 29998", "line 29999"));
  EXPECT_EQ(last(20'000).front(), "line 10000");
}

TEST_F(LogTailTest, SaysWhyThereIsNone) {
  EXPECT_EQ(tail_.last(1, [](std::string_view) { return true; }),
            "cannot open the log " + path_ + ": No such file or directory");
}

/// Each line makes the next thing happen, so nothing is waited for but the file itself.
TEST_F(LogTailTest, FollowsOverRotationAndCutting) {
  append("old\n");
  EXPECT_THAT(last(1), ElementsAre("old"));
  Lines lines;
  append("first, in pie");
  append("ces\nsecond\n");
  const auto step = [&](std::string_view line) {
    lines.emplace_back(line);
    if (line == "second") {
      std::filesystem::rename(path_, path_ + ".1");
      std::ofstream(path_ + ".1", std::ios::app) << "third, late\n";
      append("fourth, in another file\n");
    }
    if (line == "fourth, in another file") {
      std::filesystem::resize_file(path_, 0);
      append("cut\n");
    }
    return line != "cut";
  };
  EXPECT_EQ(tail_.follow(std::nullopt, step), "");
  EXPECT_THAT(lines,
              ElementsAre("first, in pieces", "second", "third, late", "fourth, in another file", "cut"));
}

TEST_F(LogTailTest, FollowsInTheMiddleOfARotation) {
  append("old\n");
  last(1);
  std::filesystem::rename(path_, path_ + ".1");
  std::ofstream(path_ + ".1", std::ios::app) << "late\n";
  Lines lines;
  const auto step = [&](std::string_view line) {
    lines.emplace_back(line);
    if (line == "late") append("new\n");
    return line != "new";
  };
  EXPECT_EQ(tail_.follow(std::nullopt, step), "");
  EXPECT_THAT(lines, ElementsAre("late", "new"));
}

TEST_F(LogTailTest, FollowsUntilItsDeadline) {
  append("old\n");
  last(1);
  Lines lines;
  EXPECT_EQ(tail_.follow(std::chrono::steady_clock::now() + std::chrono::milliseconds(30), into(lines)), "");
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace gserve::ctl
