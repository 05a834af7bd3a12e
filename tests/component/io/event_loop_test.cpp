// SPDX-License-Identifier: MIT
#include "supervisor/io/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "common/unique_fd.h"

namespace gserve::io {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class EventLoopTest : public ::testing::Test {
 protected:
  void trigger() const {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(event_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  void clear() const {
    std::uint64_t count;
    ASSERT_EQ(::read(event_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  }

  UniqueFd event_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::vector<std::string> faults_;
  EventLoop loop_{[this](const std::string& text) { faults_.push_back(text); }};
};

TEST_F(EventLoopTest, CallsWheneverThereIsSomethingToRead) {
  int calls = 0;
  loop_.watch(event_.get(), [&] {
    clear();
    if (++calls == 3) return loop_.stop();
    trigger();
  });
  trigger();
  loop_.run();
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, ExceptionOfAHandlerIsReportedAndTheWatchGoesOn) {
  int calls = 0;
  loop_.watch(event_.get(), [&] {
    clear();
    if (++calls == 2) return loop_.stop();
    trigger();
    throw std::runtime_error("out of luck");
  });
  trigger();
  loop_.run();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(faults_, std::vector<std::string>{"out of luck"});
}

TEST_F(EventLoopTest, DeadlinePassesOnceAndNotEarly) {
  const auto deadline = Clock::now() + milliseconds(20);
  int calls = 0;
  loop_.set_deadline(deadline, [&] {
    ++calls;
    EXPECT_GE(Clock::now(), deadline);
    loop_.set_deadline(Clock::now() + milliseconds(20), [&] { loop_.stop(); });
  });
  loop_.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, OnlyTheLastDeadlineCounts) {
  bool wrong = false;
  loop_.set_deadline(Clock::now() + milliseconds(5), [&] { wrong = true; });
  loop_.set_deadline(std::nullopt, [] {});
  loop_.set_deadline(Clock::now() + milliseconds(30), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_FALSE(wrong);
}

TEST_F(EventLoopTest, ExceptionOfADeadlineDoesNotEndTheLoop) {
  loop_.set_deadline(Clock::now(), [&] {
    loop_.set_deadline(Clock::now() + milliseconds(1), [&] { loop_.stop(); });
    throw std::runtime_error("late");
  });
  loop_.run();
  EXPECT_EQ(faults_, std::vector<std::string>{"late"});
}

}  // namespace
}  // namespace gserve::io
