// SPDX-License-Identifier: MIT
#include "worker/http/handover_rule.h"

#include <gtest/gtest.h>

#include "worker/http/handover_message.h"

namespace gserve::http {
namespace {

using Outcome = HandoverRule::Outcome;
using Waiting = HandoverRule::Waiting;
constexpr HandoverRule::Time kMs = 1'000'000;

/// `count` that wait since `since`, all movable.
Waiting waiting(std::size_t count, HandoverRule::Time since, std::uint64_t taken) {
  return {count, since, since, taken};
}

TEST(MayMove, OnlyWhatIsWholeInMemoryAndUnencrypted) {
  EXPECT_TRUE(may_move({}));
  EXPECT_TRUE(may_move({.bytes = kMostHanded}));
  EXPECT_FALSE(may_move({.bytes = kMostHanded + 1}));
  EXPECT_FALSE(may_move({.encrypted = true}));
  EXPECT_FALSE(may_move({.output_unsent = true}));
  EXPECT_FALSE(may_move({.body_arriving = true}));
  EXPECT_FALSE(may_move({.body_spooled = true}));
}

class HandoverRuleTest : public ::testing::Test {
 protected:
  HandoverRule::Order order(Waiting seen, HandoverRule::Time now) {
    rule.look(seen, now);
    return rule.order(now);
  }
  /// The executors have taken something just before `now`.
  HandoverRule::Order order_in_progress(std::size_t count, HandoverRule::Time now) {
    return order(waiting(count, now - 5 * kMs, ++taken_), now);
  }
  std::uint64_t taken_ = 0;
  HandoverRule rule{2};
};

TEST_F(HandoverRuleTest, NothingWaitsNothingMoves) {
  EXPECT_EQ(order({}, 100 * kMs).most, 0U);
  EXPECT_FALSE(rule.overdue(100 * kMs));
  EXPECT_FALSE(rule.deadline());
}

TEST_F(HandoverRuleTest, AllThatWaitTooLongBehindStuckExecutorsMove) {
  EXPECT_EQ(order(waiting(3, 100 * kMs, 0), 101 * kMs - 1).most, 0U);
  EXPECT_EQ(rule.deadline(), 101 * kMs);
  EXPECT_FALSE(rule.overdue(101 * kMs - 1));
  EXPECT_TRUE(rule.overdue(101 * kMs));
  const auto order = rule.order(101 * kMs);
  EXPECT_EQ(order.most, 3U);
  EXPECT_EQ(order.skip, 0U);
  EXPECT_FALSE(order.only_if_empty);
  EXPECT_EQ(order.waiting_since, 100 * kMs);
}

TEST_F(HandoverRuleTest, ExecutorIsStuckOnceItHasTakenNothingForAMillisecond) {
  EXPECT_EQ(order(waiting(1, 100 * kMs, 1), 100 * kMs).most, 0U);  // it has just taken one
  EXPECT_EQ(rule.deadline(), 101 * kMs);
  EXPECT_EQ(rule.order(101 * kMs).most, 1U);
}

TEST_F(HandoverRuleTest, ThoseThatAreTakenNextStay) {
  EXPECT_EQ(order_in_progress(2, 100 * kMs).most, 0U);
  EXPECT_TRUE(rule.overdue(100 * kMs));  // but nothing new is accepted
  const auto order = order_in_progress(3, 102 * kMs);
  EXPECT_EQ(order.most, 1U);
  EXPECT_EQ(order.skip, 2U);
  EXPECT_TRUE(order.only_if_empty);
}

TEST_F(HandoverRuleTest, MoreMoveWhileSiblingsTakeThem) {
  HandoverRule::Time now = 100 * kMs;
  for (const std::size_t most : {1U, 2U, 4U, 8U, 16U, 32U, 32U}) {
    const auto order = order_in_progress(1000, now);
    ASSERT_EQ(order.most, most);
    rule.carried_out(order, Outcome::done, now);
    EXPECT_EQ(order_in_progress(1000, now + kMs - 1).most, 0U);
    now += kMs;
  }
  rule.took_one();  // so others are no better off
  rule.carried_out(order_in_progress(1000, now), Outcome::done, now);
  EXPECT_EQ(order_in_progress(1000, now + kMs).most, 1U);
}

TEST_F(HandoverRuleTest, QueueThatNobodyEmptiesGetsNoMore) {
  HandoverRule::Time now = 100 * kMs;
  for (int i = 0; i < 5; ++i, now += kMs) {
    const auto order = order_in_progress(1000, now);
    EXPECT_EQ(order.most, 1U);
    rule.carried_out(order, Outcome::occupied, now);
    EXPECT_EQ(rule.deadline(), now + kMs);
  }
}

TEST_F(HandoverRuleTest, FullQueueIsLeftAloneForAWhile) {
  const auto stuck = order(waiting(200, 100 * kMs, 0), 101 * kMs);
  rule.carried_out(stuck, Outcome::full, 101 * kMs);
  EXPECT_EQ(order(waiting(100, 100 * kMs, 0), 110 * kMs).most, 0U);
  EXPECT_EQ(rule.deadline(), 111 * kMs);
  EXPECT_EQ(rule.order(111 * kMs).most, 100U);
}

class LoopRuleTest : public ::testing::Test {
 protected:
  HandoverRule::Order order(Waiting seen, HandoverRule::Time now) {
    rule.look(seen, now);
    return rule.order(now);
  }
  HandoverRule rule = HandoverRule::for_event_loop();
};

TEST_F(LoopRuleTest, WhatWaitsTooLongGoesAsSoonAsSiblingsTakeIt) {
  EXPECT_EQ(order(waiting(20, 100 * kMs, 1), 101 * kMs - 1).most, 0U);
  EXPECT_EQ(rule.deadline(), 101 * kMs);
  HandoverRule::Time now = 101 * kMs;
  for (const std::size_t most : {1U, 2U, 4U, 8U}) {
    const auto order = rule.order(now);
    EXPECT_EQ(order.most, most);
    EXPECT_EQ(order.skip, 0U) << "none of them is known to be next";
    EXPECT_TRUE(order.only_if_empty);
    rule.carried_out(order, Outcome::done, now);
    now += kMs;
  }
}

TEST_F(LoopRuleTest, EvenTheOnlyOneGoes) {
  EXPECT_EQ(order(waiting(1, 100 * kMs, 1), 101 * kMs).most, 1U);
}

TEST_F(LoopRuleTest, LoopIsStuckOnceItHasNotGotOnForTenMilliseconds) {
  order(waiting(20, 100 * kMs, 1), 100 * kMs);
  const auto cautious = rule.order(109 * kMs);
  EXPECT_TRUE(cautious.only_if_empty);
  rule.carried_out(cautious, Outcome::occupied, 109 * kMs);
  EXPECT_EQ(rule.deadline(), 110 * kMs);
  const auto all = rule.order(110 * kMs);
  EXPECT_EQ(all.most, 20U);
  EXPECT_FALSE(all.only_if_empty);
}

TEST_F(LoopRuleTest, LoopThatTakesFromTheQueueItselfSendsLittle) {
  auto cautious = order(waiting(20, 100 * kMs, 1), 101 * kMs);
  rule.took_one();
  rule.carried_out(cautious, Outcome::done, 101 * kMs);
  EXPECT_EQ(order(waiting(20, 100 * kMs, 2), 121 * kMs - 1).most, 0U);
  EXPECT_EQ(order(waiting(20, 100 * kMs, 3), 121 * kMs).most, 1U);
  rule.took_one();
  rule.carried_out(rule.order(121 * kMs), Outcome::done, 121 * kMs);
  EXPECT_EQ(rule.deadline(), 131 * kMs);
  EXPECT_EQ(rule.order(131 * kMs).most, 20U) << "being stuck is another matter";
}

TEST_F(LoopRuleTest, LoopThatFinishesRequestsIsNotStuck) {
  std::uint64_t progress = 0;
  for (HandoverRule::Time now = 101 * kMs; now < 120 * kMs; now += kMs)
    EXPECT_TRUE(order(waiting(20, 100 * kMs, ++progress), now).only_if_empty);
}

TEST_F(HandoverRuleTest, WhatCannotMoveWakesNobody) {
  const Waiting fixed{2, 100 * kMs, std::nullopt, 0};
  EXPECT_EQ(order(fixed, 200 * kMs).most, 0U);
  EXPECT_FALSE(rule.deadline());
  EXPECT_TRUE(rule.overdue(200 * kMs));
}

}  // namespace
}  // namespace gserve::http
