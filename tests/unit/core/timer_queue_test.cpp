// SPDX-License-Identifier: MIT
#include "supervisor/core/timer_queue.h"

#include <gtest/gtest.h>

namespace gserve::core {
namespace {

using namespace std::chrono_literals;

constexpr TimerOwner kFirst{TimerOwner::Kind::worker, 1};
constexpr TimerOwner kSecond{TimerOwner::Kind::worker, 2};
constexpr TimePoint kStart{};

TEST(TimerQueue, GivesTheSoonestFirst) {
  TimerQueue queue;
  queue.arm(kSecond, kStart + 2s);
  queue.arm(kFirst, kStart + 1s);
  EXPECT_EQ(queue.next(), kStart + 1s);
  EXPECT_EQ(queue.pop_due(kStart + 3s), kFirst);
  EXPECT_EQ(queue.pop_due(kStart + 3s), kSecond);
  EXPECT_EQ(queue.pop_due(kStart + 3s), std::nullopt);
}

TEST(TimerQueue, GivesNothingBeforeItIsDue) {
  TimerQueue queue;
  queue.arm(kFirst, kStart + 1s);
  EXPECT_EQ(queue.pop_due(kStart + 999ms), std::nullopt);
}

TEST(TimerQueue, KeepsOneTimerPerOwner) {
  TimerQueue queue;
  queue.arm(kFirst, kStart + 1s);
  queue.arm(kFirst, kStart + 5s);
  EXPECT_EQ(queue.next(), kStart + 5s);
  EXPECT_EQ(queue.when(kFirst), kStart + 5s);
}

TEST(TimerQueue, ForgetsADisarmedTimer) {
  TimerQueue queue;
  queue.arm(kFirst, kStart + 1s);
  queue.disarm(kFirst);
  queue.disarm(kSecond);
  EXPECT_EQ(queue.next(), std::nullopt);
  EXPECT_EQ(queue.when(kFirst), std::nullopt);
}

TEST(TimerQueue, TellsKindsOfOwnersApart) {
  TimerQueue queue;
  queue.arm(kFirst, kStart + 1s);
  queue.arm({TimerOwner::Kind::pool, 1}, kStart + 1s);
  queue.disarm(kFirst);
  EXPECT_EQ(queue.next(), kStart + 1s);
}

}  // namespace
}  // namespace gserve::core
