// SPDX-License-Identifier: MIT
#include "supervisor/core/backoff.h"

#include <gtest/gtest.h>

namespace gserve::core {
namespace {

using namespace std::chrono_literals;
using Failure = Backoff::Failure;

class BackoffTest : public ::testing::Test {
 protected:
  Duration fail(Failure failure, Duration served = 0s) {
    now_ = std::max(now_, backoff_.gate());
    backoff_.on_failure(failure, served, now_, random_);
    return std::max(now_, backoff_.gate()) - now_;
  }
  static void expect_about(Duration delay, Duration full) {
    EXPECT_LE(delay, full);
    EXPECT_GE(delay, full * 8 / 10);
  }

  TimePoint now_ = TimePoint{} + 100s;
  Random random_{1};
  Backoff backoff_;
};

TEST_F(BackoffTest, LetsTheFirstCrashPass) {
  EXPECT_EQ(fail(Failure::crash, 5s), 0s);
}

TEST_F(BackoffTest, NeverRetriesAFailedBootAtOnce) {
  expect_about(fail(Failure::boot), 100ms);
}

TEST_F(BackoffTest, DoublesFromATenthOfASecondToThirty) {
  fail(Failure::crash);
  for (Duration full = 100ms; full < 30s; full *= 2) expect_about(fail(Failure::crash), full);
  for (int i = 0; i < 40; ++i) expect_about(fail(Failure::crash), 30s);
}

TEST_F(BackoffTest, TakesFailuresWithinADelayAsOneIncident) {
  fail(Failure::boot);
  const TimePoint gate = backoff_.gate();
  backoff_.on_failure(Failure::boot, 0s, now_, random_);
  EXPECT_EQ(backoff_.gate(), gate);
}

TEST_F(BackoffTest, ForgivesAfterSixtySecondsOfService) {
  for (int i = 0; i < 6; ++i) fail(Failure::boot);
  now_ = backoff_.gate();
  backoff_.on_ready(now_);
  now_ += 60s;
  EXPECT_EQ(fail(Failure::crash, 1s), 0s);
}

TEST_F(BackoffTest, RemembersBeforeThat) {
  for (int i = 0; i < 3; ++i) fail(Failure::boot);
  now_ = backoff_.gate();
  backoff_.on_ready(now_);
  now_ += 59s;
  expect_about(fail(Failure::crash, 59s), 800ms);
}

TEST_F(BackoffTest, DoesNotHoldUpTheSuccessorsOfWorkersThatServedLong) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(Failure::crash, 60s), 0s);
}

TEST_F(BackoffTest, StartsOneAtATimeAfterADelayAndOneMoreForEachOneThatIsReady) {
  EXPECT_GT(backoff_.window(), 10000);
  fail(Failure::crash);
  EXPECT_GT(backoff_.window(), 10000);
  fail(Failure::crash);
  for (const int window : {1, 2, 3, 4}) {
    EXPECT_EQ(backoff_.window(), window);
    backoff_.on_ready(now_);
  }
  for (int i = 0; i < 100; ++i) backoff_.on_ready(now_);
  fail(Failure::crash);
  EXPECT_EQ(backoff_.window(), 1);
}

TEST_F(BackoffTest, CallsItALoopWhenADelayedStartHasFailed) {
  fail(Failure::crash);
  fail(Failure::crash);
  backoff_.on_failure(Failure::crash, 0s, now_, random_);  // of the same incident
  EXPECT_FALSE(backoff_.looping());
  fail(Failure::crash);
  EXPECT_TRUE(backoff_.looping());
  EXPECT_EQ(backoff_.failures(), 4);
}

TEST_F(BackoffTest, IsCalmSixtySecondsAfterTheFirstOneIsReady) {
  EXPECT_EQ(backoff_.calm_at(), std::nullopt);
  for (int i = 0; i < 3; ++i) fail(Failure::boot);
  EXPECT_EQ(backoff_.calm_at(), std::nullopt);
  backoff_.on_ready(now_);
  backoff_.on_ready(now_ + 1s);
  EXPECT_EQ(backoff_.calm_at(), now_ + 60s);
  backoff_.forgive();
  EXPECT_FALSE(backoff_.looping());
  EXPECT_EQ(backoff_.failures(), 0);
  EXPECT_EQ(backoff_.calm_at(), std::nullopt);
}

TEST_F(BackoffTest, IsNotMovedByOneThatServedLongWhileOthersLoop) {
  for (int i = 0; i < 4; ++i) fail(Failure::boot);
  EXPECT_EQ(fail(Failure::crash, 60s), 0s);
  EXPECT_TRUE(backoff_.looping());
  expect_about(fail(Failure::boot), 1600ms);
}

TEST_F(BackoffTest, SpreadsDelaysBySeed) {
  Random other(2);
  Backoff twin;
  twin.on_failure(Failure::boot, 0s, now_, other);
  fail(Failure::boot);
  EXPECT_NE(twin.gate(), backoff_.gate());
}

}  // namespace
}  // namespace gserve::core
