// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gserve::ctl {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using Line = std::vector<const char*>;

std::variant<Arguments, Usage> parse(Line line) {
  line.insert(line.begin(), "gservectl");
  return parse_arguments(static_cast<int>(line.size()), line.data());
}

Arguments good(const Line& line) {
  const auto parsed = parse(line);
  if (const auto* usage = std::get_if<Usage>(&parsed)) {
    ADD_FAILURE() << usage->text;
    return {};
  }
  return std::get<Arguments>(parsed);
}

Usage bad(const Line& line) {
  const auto parsed = parse(line);
  if (std::holds_alternative<Arguments>(parsed)) {
    ADD_FAILURE() << "accepted, against expectation";
    return {};
  }
  return std::get<Usage>(parsed);
}

TEST(Arguments, KnowsEveryCommand) {
  EXPECT_EQ(good({"list"}).command, Command::list);
  EXPECT_EQ(good({"status"}).command, Command::status);
  EXPECT_EQ(good({"incidents"}).command, Command::incidents);
  EXPECT_EQ(good({"stop"}).command, Command::stop);
  EXPECT_EQ(good({"reload"}).command, Command::reload);
  EXPECT_EQ(good({"scale", "4"}).command, Command::scale);
  EXPECT_EQ(good({"upgrade"}).command, Command::upgrade);
  EXPECT_EQ(good({"config"}).command, Command::config);
  EXPECT_EQ(good({"restart"}).command, Command::restart);
  EXPECT_EQ(good({"reopen"}).command, Command::reopen);
  EXPECT_EQ(good({"logs"}).lines, 20U);
  EXPECT_EQ(good({"logs", "-f", "--lines", "3"}).lines, 3U);
  EXPECT_TRUE(good({"logs", "-f"}).follow);
}

TEST(Arguments, WorkersAreNamedByTheirPids) {
  const Arguments restart = good({"worker", "restart", "4242", "--json"});
  EXPECT_EQ(restart.command, Command::worker_restart);
  EXPECT_EQ(restart.pid, 4242U);
  EXPECT_TRUE(restart.json);
  EXPECT_EQ(good({"worker", "kill", "7"}).command, Command::worker_kill);
  EXPECT_EQ(bad({"worker"}).exit_code, 2);
  EXPECT_EQ(bad({"worker", "kill"}).exit_code, 2);
  for (const char* pid : {"0", "-1", "x", "4294967296"}) {
    EXPECT_THAT(bad({"worker", "kill", pid}).text, HasSubstr("is not a process id"));
  }
}

TEST(Arguments, WaitKnowsThreeGoals) {
  EXPECT_EQ(good({"wait"}).goal, Goal::ready);
  EXPECT_EQ(good({"wait", "--for", "running"}).goal, Goal::running);
  EXPECT_EQ(good({"wait", "--for", "stopped"}).goal, Goal::stopped);
  EXPECT_EQ(bad({"wait", "--for", "rain"}).exit_code, 2);
}

TEST(Arguments, AHostIsNoOptionOfSsh) {
  EXPECT_EQ(good({"-H", "admin@web1", "status"}).host, "admin@web1");
  EXPECT_EQ(bad({"-H-oProxyCommand=evil", "status"}).exit_code, 2);
}

TEST(Arguments, OptionsMayStandBeforeAndAfterTheCommand) {
  for (const Line& line : {Line{"-n", "shop", "--json", "--timeout", "2.5", "stop", "--quick"},
                           Line{"stop", "--quick", "--json", "--timeout=2.5", "--name", "shop"}}) {
    const Arguments arguments = good(line);
    EXPECT_EQ(arguments.name, "shop");
    EXPECT_TRUE(arguments.json);
    EXPECT_TRUE(arguments.quick);
    EXPECT_FALSE(arguments.no_wait);
    EXPECT_EQ(arguments.timeout, 2.5);
  }
  EXPECT_EQ(good({"reload", "--socket", "/x/control", "--no-wait"}).socket, "/x/control");
}

TEST(Arguments, NothingIsSetThatWasNotSaid) {
  const Arguments arguments = good({"reload"});
  EXPECT_EQ(arguments.name, "");
  EXPECT_EQ(arguments.socket, "");
  EXPECT_FALSE(arguments.json || arguments.no_wait || arguments.quick || arguments.timeout);
}

TEST(Arguments, ScaleTakesACountOrADifference) {
  EXPECT_EQ(good({"scale", "4"}).scale, (ScaleTarget{4, false}));
  EXPECT_EQ(good({"scale", "+2"}).scale, (ScaleTarget{2, true}));
  EXPECT_EQ(good({"scale", "-1"}).scale, (ScaleTarget{-1, true}));
  EXPECT_EQ(good({"scale", "-12"}).scale, (ScaleTarget{-12, true}));
  EXPECT_EQ(good({"scale", "-3", "-n", "shop"}).scale, (ScaleTarget{-3, true}));
  EXPECT_EQ(good({"-n", "shop", "scale", "--json", "-3"}).scale, (ScaleTarget{-3, true}));
}

TEST(Arguments, WrongUsageExitsWithTwoAndSaysWhatIsWrong) {
  EXPECT_EQ(bad({}).exit_code, 2);
  EXPECT_EQ(bad({"dance"}).exit_code, 2);
  EXPECT_EQ(bad({"status", "stop"}).exit_code, 2);
  EXPECT_EQ(bad({"status", "--quick"}).exit_code, 2);
  EXPECT_EQ(bad({"scale"}).exit_code, 2);
  EXPECT_THAT(bad({"scale", "many"}).text, HasSubstr("\"many\" is not a number of workers"));
  EXPECT_THAT(bad({"scale", "0"}).text, HasSubstr("use N, +N or -N"));
  EXPECT_THAT(bad({"-n", "../etc", "status"}).text, HasSubstr("may hold only"));
  EXPECT_THAT(bad({"--timeout", "soon", "stop"}).text, HasSubstr("\"soon\""));
  EXPECT_EQ(bad({"--timeout", "-1", "stop"}).exit_code, 2);
  EXPECT_EQ(bad({"--timeout", "nan", "stop"}).exit_code, 2);
}

TEST(Arguments, HelpAndVersionExitWithZero) {
  EXPECT_EQ(bad({"--help"}).exit_code, 0);
  EXPECT_THAT(bad({"--help"}).text, HasSubstr("scale"));
  EXPECT_THAT(bad({"stop", "--help"}).text, HasSubstr("--quick"));
  EXPECT_THAT(bad({"--version"}).text, HasSubstr("gservectl "));
}

TEST(Arguments, IncidentsTakesANumber) {
  EXPECT_EQ(good({"incidents"}).incident, 0U);
  EXPECT_EQ(good({"incidents", "17"}).incident, 17U);
  EXPECT_EQ(good({"incidents", "17", "--json", "-n", "shop"}).incident, 17U);
  for (const char* text : {"0", "-1", "1x", "last", "18446744073709551616"}) {
    EXPECT_EQ(bad({"incidents", text}).exit_code, 2) << text;
  }
  EXPECT_THAT(bad({"incidents", "last"}).text, HasSubstr("\"last\" is not the number of an incident"));
}

TEST(ParseScale, TakesSignedAndPlainNumbers) {
  EXPECT_EQ(parse_scale("1"), (ScaleTarget{1, false}));
  EXPECT_EQ(parse_scale("100000"), (ScaleTarget{100000, false}));
  EXPECT_EQ(parse_scale("+1"), (ScaleTarget{1, true}));
  EXPECT_EQ(parse_scale("-7"), (ScaleTarget{-7, true}));
}

TEST(ParseScale, RefusesEverythingElse) {
  for (const char* text :
       {"", "+", "-", "0", "+0", "--1", "+-1", "1.5", "4x", " 4", "100001", "99999999999"}) {
    EXPECT_EQ(parse_scale(text), std::nullopt) << text;
  }
}

TEST(Arguments, NewProgramIsNamedByAnAbsolutePath) {
  EXPECT_EQ(good({"upgrade"}).binary, "");
  EXPECT_EQ(good({"upgrade", "--binary", "/opt/gserve"}).binary, "/opt/gserve");
  EXPECT_THAT(good({"upgrade", "--binary", "bin/gserve"}).binary, MatchesRegex("/.*/bin/gserve"));
}

}  // namespace
}  // namespace gserve::ctl
