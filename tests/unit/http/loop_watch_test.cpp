// SPDX-License-Identifier: MIT
#include "worker/http/loop_watch.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace gserve::http {
namespace {

constexpr LoopWatch::Time kMs = 1'000'000;

TEST(LoopWatch, IsLateOnceItWasToldAndHasNotLookedForAMillisecond) {
  LoopWatch loop;
  EXPECT_FALSE(loop.late(100 * kMs));
  EXPECT_FALSE(loop.deadline(100 * kMs));
  loop.told(100 * kMs);
  EXPECT_FALSE(loop.late(101 * kMs - 1));
  EXPECT_EQ(loop.deadline(101 * kMs - 1), 101 * kMs);
  EXPECT_TRUE(loop.late(101 * kMs));
  EXPECT_FALSE(loop.deadline(101 * kMs)) << "it would wake the thread again and again";
}

TEST(LoopWatch, IsNotHeardOfMoreOftenThanItLooks) {
  LoopWatch loop;
  loop.told(100 * kMs);
  loop.told(101 * kMs - 1);
  EXPECT_TRUE(loop.late(101 * kMs)) << "being told again gives it no more time";
  loop.look(0);
  EXPECT_TRUE(loop.late(101 * kMs)) << "it has not looked";
}

TEST(LoopWatch, IsInTimeAgainAsSoonAsItLooks) {
  LoopWatch loop;
  loop.told(100 * kMs);
  loop.look(1);
  EXPECT_FALSE(loop.late(200 * kMs));
  loop.told(200 * kMs);
  EXPECT_FALSE(loop.late(201 * kMs - 1));
  EXPECT_TRUE(loop.late(201 * kMs));
}

RC_GTEST_PROP(LoopWatch, IsLateIfAndOnlyIfTheFirstWordSinceItsLookIsOldEnough, ()) {
  LoopWatch loop;
  LoopWatch::Time now = 1'000 * kMs;
  std::uint64_t looks = 0;
  LoopWatch::Time first_word = -1;
  const int steps = *rc::gen::inRange(1, 100);
  for (int i = 0; i < steps; ++i) {
    now += *rc::gen::element<LoopWatch::Time>(0, kMs / 3, kMs - 1, kMs, 5 * kMs);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        looks += *rc::gen::inRange<std::uint64_t>(1, 3);
        first_word = -1;
        break;
      case 1:
        loop.look(looks);
        loop.told(now);
        if (first_word < 0) first_word = now;
        break;
      default:
        break;
    }
    loop.look(looks);
    const bool late = first_word >= 0 && now - first_word >= kMs;
    RC_ASSERT(loop.late(now) == late);
    RC_ASSERT(loop.deadline(now).has_value() == (first_word >= 0 && !late));
  }
}

}  // namespace
}  // namespace gserve::http
