// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "worker/net/request_board.h"

namespace gserve::net {
namespace {

using scoreboard::kSlots;

class RequestBoardTest : public testing::Test {
 protected:
  scoreboard::Sample sample() const { return scoreboard::read(*layout_).value(); }

  /// `count` requests, the n-th begun at n + 1.
  std::vector<RequestBoard::Entry> begin(std::size_t count) {
    std::vector<RequestBoard::Entry> entries(count);
    for (std::size_t i = 0; i < count; ++i) {
      entries[i].line = "GET / HTTP/1.1";
      entries[i].started = static_cast<Nanos>(i + 1);
      board_.begin(entries[i]);
    }
    return entries;
  }

  std::unique_ptr<scoreboard::Layout> layout_ = std::make_unique<scoreboard::Layout>();
  RequestBoard board_{layout_.get()};
};

TEST_F(RequestBoardTest, CountsAllAndShowsTheOldest) {
  std::vector<RequestBoard::Entry> entries = begin(kSlots + 10);
  EXPECT_EQ(sample().in_flight, kSlots + 10);
  EXPECT_EQ(sample().running.size(), kSlots);
  EXPECT_EQ(sample().running.back().started_ns, kSlots);
  for (std::size_t i = 0; i < 5; ++i) board_.end(entries[i], 200, 2000);
  EXPECT_EQ(sample().running.front().started_ns, 6U);
  EXPECT_EQ(sample().running.back().started_ns, kSlots + 5);
  board_.end(entries[kSlots + 7], 500, 2000);  // never shown
  for (std::size_t i = 5; i < entries.size(); ++i) {
    if (i != kSlots + 7) board_.end(entries[i], 200, 2000);
  }
  EXPECT_EQ(sample().in_flight, 0U);
  EXPECT_EQ(sample().requests, kSlots + 10);
  EXPECT_EQ(sample().errors, 1U);
  EXPECT_TRUE(sample().running.empty());
}

TEST_F(RequestBoardTest, CountsHowLongRequestsTookWithoutTheirClients) {
  constexpr Nanos kMs = kMillisecond;
  std::vector<RequestBoard::Entry> entries = begin(2);
  board_.pause(entries[0], 3 * kMs);
  board_.go_on(entries[0], 1000 * kMs);
  board_.end(entries[0], 200, 1001 * kMs);  // it took 4 ms, and waited for the rest
  board_.pause(entries[1], 30 * kMs);
  board_.end(entries[1], 200, 5000 * kMs);  // it ended while it waited
  EXPECT_EQ(sample().durations[2], 1U) << "up to 5 ms";
  EXPECT_EQ(sample().durations[5], 1U) << "up to 50 ms";
  EXPECT_EQ(sample().duration_sum_ns, static_cast<std::uint64_t>(34 * kMs - 3));
}

TEST_F(RequestBoardTest, TimeSpentWaitingForTheClientDoesNotCount) {
  std::vector<RequestBoard::Entry> entries = begin(1);
  board_.pause(entries[0], 100);
  board_.pause(entries[0], 200);
  EXPECT_EQ(sample().in_flight, 1U);
  EXPECT_TRUE(sample().running.empty());
  board_.go_on(entries[0], 1100);
  EXPECT_EQ(sample().running.front().started_ns, 1001U);
  board_.pause(entries[0], 2000);
  board_.end(entries[0], 200, 2000);
  EXPECT_EQ(sample().in_flight, 0U);
}

TEST_F(RequestBoardTest, OneThatGoesOnQueuesByItsAge) {
  std::vector<RequestBoard::Entry> entries = begin(kSlots + 2);
  board_.pause(entries[0], 10);  // the first in the queue takes its place
  EXPECT_EQ(sample().running.back().started_ns, kSlots + 1);
  board_.go_on(entries[0], 10);
  board_.end(entries[1], 200, 2000);
  EXPECT_EQ(sample().running.front().started_ns, 1U);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i != 1) board_.end(entries[i], 200, 2000);
  }
  EXPECT_TRUE(sample().running.empty());
}

TEST_F(RequestBoardTest, ThreadsLoseNoSlot) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 300;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int round = 0; round < kRounds; ++round) {
        std::array<RequestBoard::Entry, kSlots / 4> mine;
        for (auto& entry : mine) {
          entry.line = "GET / HTTP/1.1";
          entry.started = round + 1;
          board_.begin(entry);
        }
        for (auto& entry : mine) board_.end(entry, 200, 2000);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sample().requests, kThreads * kRounds * (kSlots / 4));
  EXPECT_EQ(sample().in_flight, 0U);
  EXPECT_TRUE(sample().running.empty());
  std::vector<RequestBoard::Entry> entries = begin(kSlots);
  EXPECT_EQ(sample().running.size(), kSlots);
  for (auto& entry : entries) board_.end(entry, 200, 2000);
}

}  // namespace
}  // namespace gserve::net
