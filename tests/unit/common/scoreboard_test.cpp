// SPDX-License-Identifier: MIT
#include "common/scoreboard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>

namespace gserve::scoreboard {
namespace {

using namespace std::string_view_literals;

/// Zeroed memory, as a fresh memfd has.
class ScoreboardTest : public testing::Test {
 protected:
  std::unique_ptr<Layout> layout_ = std::make_unique<Layout>();

  Sample sample() const {
    const auto result = read(*layout_);
    EXPECT_TRUE(result.has_value());
    return result.value_or(Sample{});
  }
};

TEST_F(ScoreboardTest, FreshMemoryIsNotAScoreboard) {
  EXPECT_FALSE(read(*layout_).has_value());
}

TEST_F(ScoreboardTest, AnotherVersionIsNotRead) {
  const Writer writer(layout_.get());
  layout_->header.version = kVersion + 1;
  EXPECT_FALSE(read(*layout_).has_value());
}

TEST_F(ScoreboardTest, ANewOneIsBootingAndIdle) {
  const Writer writer(layout_.get());
  const Sample now = sample();
  EXPECT_EQ(now.state, WorkerState::booting);
  EXPECT_EQ(now.in_flight, 0u);
  EXPECT_TRUE(now.running.empty());
}

TEST_F(ScoreboardTest, ShowsARunningRequestUntilItEnds) {
  Writer writer(layout_.get());
  writer.set_state(WorkerState::serving);
  writer.count_connection();
  writer.begin_request(3, "GET /slow HTTP/1.1", 1234);
  Sample now = sample();
  EXPECT_EQ(now.state, WorkerState::serving);
  EXPECT_EQ(now.connections, 1u);
  EXPECT_EQ(now.in_flight, 1u);
  ASSERT_EQ(now.running.size(), 1u);
  EXPECT_EQ(now.running[0].line, "GET /slow HTTP/1.1");
  EXPECT_EQ(now.running[0].started_ns, 1234u);

  writer.end_request(3, 200);
  now = sample();
  EXPECT_EQ(now.in_flight, 0u);
  EXPECT_EQ(now.requests, 1u);
  EXPECT_EQ(now.errors, 0u);
  EXPECT_TRUE(now.running.empty());
}

TEST_F(ScoreboardTest, CountsDurationsInTheirBuckets) {
  Writer writer(layout_.get());
  std::uint64_t sum = 0;
  for (const std::uint64_t bound : kDurationBounds) {
    for (const std::uint64_t duration : {bound, bound + 1}) {
      writer.count_duration(duration);
      sum += duration;
    }
  }
  writer.count_duration(0);
  const Sample now = sample();
  EXPECT_EQ(now.durations.front(), 2U) << "a bound belongs to its bucket";
  for (std::size_t i = 1; i < kDurationBounds.size(); ++i) EXPECT_EQ(now.durations[i], 2U);
  EXPECT_EQ(now.durations.back(), 1U) << "above the last bound";
  EXPECT_EQ(now.duration_sum_ns, sum);
}

TEST_F(ScoreboardTest, CountsServerErrorsOnly) {
  Writer writer(layout_.get());
  for (const int status : {200, 404, 499, 500, 503}) {
    writer.begin_request(0, "x", 1);
    writer.end_request(0, status);
  }
  EXPECT_EQ(sample().requests, 5u);
  EXPECT_EQ(sample().errors, 2u);
}

TEST_F(ScoreboardTest, ListsRunningRequestsOldestFirst) {
  Writer writer(layout_.get());
  writer.begin_request(0, "young", 30);
  writer.begin_request(1, "old", 10);
  writer.begin_request(2, "middle", 20);
  const Sample now = sample();
  ASSERT_EQ(now.running.size(), 3u);
  EXPECT_EQ(now.running[0].line, "old");
  EXPECT_EQ(now.running[1].line, "middle");
  EXPECT_EQ(now.running[2].line, "young");
}

TEST_F(ScoreboardTest, EverySlotCanRunAtOnce) {
  Writer writer(layout_.get());
  for (std::uint32_t i = 0; i < kSlots; ++i) writer.begin_request(i, "x", i + 1);
  EXPECT_EQ(sample().running.size(), kSlots);
  EXPECT_EQ(sample().in_flight, kSlots);
}

TEST_F(ScoreboardTest, SlotIndexesWrapAround) {
  Writer writer(layout_.get());
  writer.begin_request(kSlots + 5, "wrapped", 1);
  EXPECT_NE(layout_->slots[5].started_ns, 0u);
  writer.end_request(5, 200);
  EXPECT_TRUE(sample().running.empty());
}

TEST_F(ScoreboardTest, CutsALongLine) {
  Writer writer(layout_.get());
  writer.begin_request(0, std::string(kLineSize + 100, 'x'), 1);
  EXPECT_EQ(sample().running.at(0).line, std::string(kLineSize, 'x'));
}

TEST_F(ScoreboardTest, EscapesWhatIsNotPrintable) {
  Writer writer(layout_.get());
  writer.begin_request(0, "GET /\x1b[2J\r\n\0\x7f\xc3\xa4~"sv, 1);
  EXPECT_EQ(sample().running.at(0).line, "GET /\\x1b[2J\\x0d\\x0a\\x00\\x7f\\xc3\\xa4~");
}

TEST_F(ScoreboardTest, LeavesOutASlotThatItsWriterDiedIn) {
  Writer writer(layout_.get());
  writer.begin_request(0, "torn", 1);
  writer.begin_request(1, "whole", 2);
  layout_->slots[0].sequence.fetch_add(1);  // odd, for ever
  const Sample now = sample();
  ASSERT_EQ(now.running.size(), 1u);
  EXPECT_EQ(now.running[0].line, "whole");
}

TEST_F(ScoreboardTest, AWriteMakesTheSequenceEvenAgain) {
  Writer writer(layout_.get());
  writer.begin_request(0, "x", 1);
  EXPECT_EQ(layout_->slots[0].sequence.load(), 2u);
  writer.end_request(0, 200);
  EXPECT_EQ(layout_->slots[0].sequence.load(), 4u);
}

TEST_F(ScoreboardTest, ClampsAHostileLengthAndState) {
  Writer writer(layout_.get());
  writer.begin_request(kSlots - 1, "x", 1);
  layout_->slots[kSlots - 1].line_length = 0xffffffff;
  layout_->header.state.store(0xffffffff);
  const Sample now = sample();
  EXPECT_EQ(now.state, WorkerState::draining);
  ASSERT_EQ(now.running.size(), 1u);
  EXPECT_LE(now.running[0].line.size(), 4 * kLineSize);
}

TEST_F(ScoreboardTest, GarbageIsReadWithoutHarm) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    auto* bytes = reinterpret_cast<unsigned char*>(layout_.get());
    for (std::size_t i = 0; i < kSize; ++i) bytes[i] = static_cast<unsigned char>(random());
    layout_->header.magic = kMagic;
    layout_->header.version = kVersion;
    const Sample now = sample();
    EXPECT_LE(now.running.size(), kSlots);
    EXPECT_LE(static_cast<int>(now.state), static_cast<int>(WorkerState::draining));
    for (const RunningRequest& request : now.running) {
      ASSERT_LE(request.line.size(), 4 * kLineSize);
      for (const char c : request.line) ASSERT_TRUE(c >= 0x20 && c < 0x7f);
    }
  }
}

}  // namespace
}  // namespace gserve::scoreboard
