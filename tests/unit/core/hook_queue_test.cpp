// SPDX-License-Identifier: MIT
#include "supervisor/core/hook_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gserve::core {
namespace {

using namespace std::chrono_literals;
using State = HookQueue::State;

constexpr TimePoint kStart{1000s};
constexpr ExitStatus kKilled{ExitStatus::Kind::signalled, 9};

HookCall hook(const std::string& name, Duration limit = 5s) {
  HookCall call;
  call.name = name;
  call.limit = limit;
  return call;
}

/// What the actions say, a word each: start, kill, log, "send NAME", "well NAME", "over NAME".
std::vector<std::string> words(const HookActions& actions) {
  struct Word {
    std::string operator()(const StartHookProcess&) const { return "start"; }
    std::string operator()(const KillHookProcess&) const { return "kill"; }
    std::string operator()(const Log&) const { return "log"; }
    std::string operator()(const SendHookCall& sent) const { return "send " + sent.call.name; }
    std::string operator()(const HookOver& over) const {
      return (over.well ? "well " : "over ") + over.call.name;
    }
  };
  std::vector<std::string> found;
  for (const HookAction& action : actions) found.push_back(std::visit(Word{}, action));
  return found;
}

testing::Matcher<std::vector<std::string>> are(const std::vector<std::string>& expected) {
  return testing::ElementsAreArray(expected);
}

/// A queue whose process is ready.
HookQueue ready(TimePoint now = kStart) {
  HookQueue queue;
  queue.call(hook("first"), now);
  queue.on_ready(now);
  queue.on_answer(queue.last_id(), true, now);
  return queue;
}

TEST(HookQueue, StartsTheProcessWithTheFirstCall) {
  HookQueue queue;
  EXPECT_TRUE(queue.idle());
  EXPECT_FALSE(queue.next_deadline());
  EXPECT_THAT(words(queue.call(hook("on_starting"), kStart)), are({"start"}));
  EXPECT_FALSE(queue.idle());
  EXPECT_THAT(words(queue.on_ready(kStart + 1s)), are({"send on_starting"}));
  EXPECT_THAT(words(queue.on_answer(queue.last_id(), true, kStart + 2s)), are({"well on_starting"}));
  EXPECT_TRUE(queue.idle());
  EXPECT_FALSE(queue.next_deadline());
}

TEST(HookQueue, MakesOneCallAfterTheOther) {
  HookQueue queue = ready();
  EXPECT_THAT(words(queue.call(hook("child_exit"), kStart)), are({"send child_exit"}));
  EXPECT_THAT(words(queue.call(hook("pre_fork"), kStart)), are({}));
  EXPECT_THAT(words(queue.on_answer(queue.last_id(), true, kStart)),
              are({"well child_exit", "send pre_fork"}));
}

TEST(HookQueue, TellsOfAHookThatRaises) {
  HookQueue queue = ready();
  queue.call(hook("pre_fork"), kStart);
  EXPECT_THAT(words(queue.on_answer(queue.last_id(), false, kStart)), are({"over pre_fork"}));
  EXPECT_EQ(queue.state(), State::ready);
}

TEST(HookQueue, IgnoresAnswersToOtherCalls) {
  HookQueue queue = ready();
  queue.call(hook("pre_fork"), kStart);
  EXPECT_THAT(words(queue.on_answer(queue.last_id() - 1, true, kStart)), are({}));
  EXPECT_FALSE(queue.idle());
}

TEST(HookQueue, KillsAndReplacesTheProcessOfAHookThatHangs) {
  HookQueue queue = ready();
  queue.call(hook("pre_fork"), kStart);
  queue.call(hook("child_exit"), kStart);
  EXPECT_EQ(queue.next_deadline(), kStart + 5s);
  EXPECT_THAT(words(queue.on_due(kStart + 4s)), are({}));
  EXPECT_THAT(words(queue.on_due(kStart + 5s)), are({"log", "kill", "over pre_fork"}));
  EXPECT_EQ(queue.state(), State::killing);
  EXPECT_THAT(words(queue.on_exit(kKilled, kStart + 5s)), are({"start"})) << "told already";
  EXPECT_THAT(words(queue.on_ready(kStart + 6s)), are({"send child_exit"}));
  EXPECT_EQ(queue.next_deadline(), kStart + 11s) << "its limit begins when it is sent";
}

TEST(HookQueue, ReplacesAProcessThatWasKilled) {
  HookQueue queue = ready();
  queue.call(hook("pre_fork"), kStart);
  const HookActions actions = queue.on_exit(kKilled, kStart + 60s);
  EXPECT_THAT(words(actions), are({"log", "over pre_fork", "start"}));
  EXPECT_EQ(std::get<Log>(actions[0]).text,
            "the hook process has ended while it ran pre_fork: killed by SIGKILL");
}

TEST(HookQueue, ReplacesAnIdleProcess) {
  HookQueue queue = ready();
  EXPECT_THAT(words(queue.on_exit(kKilled, kStart + 60s)), are({"log", "start"}));
}

TEST(HookQueue, FailsWhoWaitsForAProcessThatCannotStart) {
  HookQueue queue;
  queue.call(hook("on_starting"), kStart);
  EXPECT_THAT(words(queue.on_exit({ExitStatus::Kind::exited, 1}, kStart)),
              are({"log", "over on_starting", "start"}));
}

TEST(HookQueue, GivesACallUpThatFindsNoProcess) {
  HookQueue queue;
  queue.want(kStart);
  for (int count = 0; count < 5; ++count) {
    queue.on_exit(kKilled, kStart);
    queue.on_due(queue.next_deadline().value_or(kStart));
  }
  const TimePoint now = kStart + 60s;
  queue.on_exit(kKilled, now);
  ASSERT_EQ(queue.state(), State::none) << "it waits for longer than the limit";
  queue.call(hook("pre_fork"), now);
  EXPECT_EQ(queue.next_deadline(), now + 5s);
  EXPECT_THAT(words(queue.on_due(now + 5s)), are({"log", "over pre_fork"}));
}

TEST(HookQueue, LetsACallWaitForAProcessThatStarts) {
  HookQueue queue;
  queue.set_starting_limit(60s);
  queue.call(hook("pre_fork"), kStart);
  EXPECT_THAT(words(queue.on_due(kStart + 59s)), are({}));
  EXPECT_THAT(words(queue.on_due(kStart + 60s)), are({"log", "kill"}));
  EXPECT_THAT(words(queue.on_exit(kKilled, kStart + 60s)), are({"over pre_fork", "start"}));
}

TEST(HookQueue, KillsAProcessThatDoesNotComeUp) {
  HookQueue queue;
  queue.set_starting_limit(60s);
  queue.call(hook("on_starting", {}), kStart);
  EXPECT_EQ(queue.next_deadline(), kStart + 60s);
  EXPECT_THAT(words(queue.on_due(kStart + 60s)), are({"log", "kill"}));
}

TEST(HookQueue, DelaysProcessesThatKeepDying) {
  HookQueue queue;
  queue.call(hook("pre_fork", {}), kStart);
  TimePoint now = kStart;
  for (const Duration delay : std::vector<Duration>{0s, 1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    ASSERT_EQ(queue.state(), State::starting);
    queue.on_exit(kKilled, now);
    if (delay == 0s) continue;
    ASSERT_EQ(queue.state(), State::none);
    EXPECT_EQ(queue.next_deadline(), now + delay);
    EXPECT_THAT(words(queue.on_due(now + delay - 1ms)), are({}));
    now += delay;
    EXPECT_THAT(words(queue.on_due(now)), are({"start"}));
  }
  queue.on_ready(now);
  EXPECT_THAT(words(queue.on_exit(kKilled, now + 10s)), are({"log", "start"})) << "it has worked";
}

TEST(HookQueue, EndsEverythingWhenItIsClosed) {
  HookQueue queue = ready();
  queue.call(hook("child_exit"), kStart);
  queue.call(hook("on_exit"), kStart);
  EXPECT_THAT(words(queue.close()), are({"over child_exit", "over on_exit"}));
  EXPECT_THAT(words(queue.call(hook("late"), kStart)), are({"over late"}));
  EXPECT_THAT(words(queue.on_exit(kKilled, kStart)), are({}));
  EXPECT_FALSE(queue.next_deadline());
}

TEST(HookQueue, GoesOnWithTheProcessOfAnotherProgram) {
  HookQueue queue;
  queue.take_over(41, kStart);
  EXPECT_TRUE(queue.idle());
  const HookActions actions = queue.call(hook("child_exit"), kStart);
  ASSERT_THAT(words(actions), are({"send child_exit"}));
  EXPECT_EQ(std::get<SendHookCall>(actions[0]).id, 42u);
}

/// Whatever happens: every call is over once, in order, and as soon as the deadlines say.
RC_GTEST_PROP(HookQueueWalk, EveryCallIsOverOnceAndInOrder, ()) {
  HookQueue queue;
  queue.set_starting_limit(3s);
  TimePoint now = kStart;
  std::vector<std::string> called, over;
  bool process = false;
  const auto take = [&](const HookActions& actions) {
    for (const HookAction& action : actions) {
      if (const auto* ended = std::get_if<HookOver>(&action)) over.push_back(ended->call.name);
      if (std::holds_alternative<StartHookProcess>(action)) {
        RC_ASSERT(!process);
        process = true;
      }
    }
  };
  const auto exit = [&] {
    process = false;
    take(queue.on_exit(kKilled, now));
  };
  for (int step = 0; step < 60; ++step) {
    now += std::chrono::milliseconds(*rc::gen::inRange(0, 3000));
    take(queue.on_due(now));
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        called.push_back(std::to_string(called.size()));
        take(queue.call(hook(called.back(), 2s), now));
        break;
      case 1:
        take(queue.on_ready(now));
        break;
      case 2:
        take(queue.on_answer(queue.last_id(), *rc::gen::arbitrary<bool>(), now));
        break;
      case 3:
        if (process) exit();
        break;
      case 4:
        if (queue.state() == State::killing) exit();
        break;
    }
    if (queue.next_deadline()) RC_ASSERT(*queue.next_deadline() >= now || queue.state() != State::none);
  }
  for (int step = 0; step < 1000 && over.size() < called.size(); ++step) {
    if (queue.state() == State::killing) exit();
    if (!queue.next_deadline()) continue;
    now = std::max(now, *queue.next_deadline());
    take(queue.on_due(now));
  }
  RC_ASSERT(over == called);
}

}  // namespace
}  // namespace gserve::core
