// SPDX-License-Identifier: MIT
// Small parts of the I/O thread that need no socket.
#include <gtest/gtest.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <thread>

#include "worker/net/calendar.h"
#include "worker/net/executor_queue.h"
#include "worker/net/mailbox.h"
#include "worker/net/timers.h"

namespace gserve::net {
namespace {

TEST(Calendar, AgreesWithTheCLibrary) {
  for (std::int64_t seconds = -5'000'000'000; seconds < 20'000'000'000; seconds += 12'345'677) {
    const time_t time = seconds;
    tm expected{};
    ::gmtime_r(&time, &expected);
    const CivilTime got = civil_time(seconds);
    ASSERT_EQ(got.year, expected.tm_year + 1900) << seconds;
    ASSERT_EQ(got.month, expected.tm_mon + 1) << seconds;
    ASSERT_EQ(got.day, expected.tm_mday) << seconds;
    ASSERT_EQ(got.hour * 3600 + got.minute * 60 + got.second,
              expected.tm_hour * 3600 + expected.tm_min * 60 + expected.tm_sec);
    ASSERT_EQ(got.weekday, expected.tm_wday) << seconds;
  }
}

TEST(Calendar, WritesDatesAsHttpDoes) {
  HttpDate date;
  EXPECT_EQ(date.text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110, 5.6.7
  EXPECT_EQ(date.text(784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
}

class TimersTest : public ::testing::Test {
 protected:
  TimersTest() {
    timers_.set_duration(TimerKind::header, 100);
    timers_.set_duration(TimerKind::body, 30);
  }
  // The timers are told apart by address; no connection is touched.
  Connection& nobody_ = *reinterpret_cast<Connection*>(this);
  Timers timers_;
  Timer a_{nobody_};
  Timer b_{nobody_};
  Timer c_{nobody_};
};

TEST_F(TimersTest, ExpireInOrderOfDeadline) {
  timers_.arm(a_, TimerKind::header, 0);
  timers_.arm(b_, TimerKind::header, 10);
  timers_.arm(c_, TimerKind::body, 20);
  EXPECT_EQ(timers_.next_deadline(), 50);
  EXPECT_EQ(timers_.expired(49), nullptr);
  EXPECT_EQ(timers_.expired(50), &c_);
  EXPECT_FALSE(c_.armed());
  EXPECT_EQ(timers_.expired(100), &a_);
  EXPECT_EQ(timers_.expired(100), nullptr);
  EXPECT_EQ(timers_.next_deadline(), 110);
}

TEST_F(TimersTest, CanBeArmedAnewAndDisarmed) {
  timers_.arm(a_, TimerKind::header, 0);
  timers_.arm(b_, TimerKind::header, 1);
  timers_.arm(a_, TimerKind::header, 2);
  EXPECT_EQ(timers_.next_deadline(), 101);
  timers_.disarm(b_);
  timers_.disarm(b_);
  EXPECT_EQ(timers_.next_deadline(), 102);
  timers_.arm(a_, TimerKind::body, 3);
  EXPECT_EQ(timers_.next_deadline(), 33);
  EXPECT_EQ(timers_.expired(200), &a_);
  EXPECT_FALSE(timers_.next_deadline().has_value());
}

TEST(Mailbox, DeliversEveryLetterOfEverySender) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  constexpr int kBoxes = 50;
  constexpr std::uint32_t kRounds = 2000;
  std::vector<Letterbox> boxes(kBoxes);
  std::vector<std::uint32_t> delivered(kBoxes);
  std::atomic<bool> done{false};
  std::thread sender([&] {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      for (Letterbox& box : boxes) {
        while (box.letters.load() != 0) std::this_thread::yield();
        mailbox.post(box, 1);
      }
    }
    done = true;
  });
  const auto collect = [&] {
    for (Letterbox* box = mailbox.take(); box != nullptr;) {
      Letterbox* next = box->next;
      delivered[static_cast<std::size_t>(box - boxes.data())] += Mailbox::open(*box);
      box = next;
    }
  };
  while (!done) collect();
  collect();
  sender.join();
  EXPECT_EQ(delivered, std::vector<std::uint32_t>(kBoxes, kRounds));
}

TEST(Mailbox, NeverSleepsOverAWakeUp) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  mailbox.wake();
  EXPECT_FALSE(mailbox.begin_sleep());
  EXPECT_TRUE(mailbox.begin_sleep());
  mailbox.end_sleep();
}

TEST(Mailbox, GathersUntilToldToEnd) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  const Nanos start = monotonic_now();
  mailbox.begin_gathering();
  std::thread executor([&mailbox] { mailbox.end_gathering(); });
  mailbox.gather(60 * kSecond);
  executor.join();
  EXPECT_FALSE(mailbox.gathering());
  EXPECT_LT(monotonic_now() - start, 50 * kSecond);
}

TEST(Mailbox, RemembersAWakeUpThatDoesNotDisturbItsGathering) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  mailbox.begin_gathering();
  mailbox.wake();
  EXPECT_TRUE(mailbox.gathering());
  mailbox.gather(1);
  EXPECT_FALSE(mailbox.gathering());
  EXPECT_FALSE(mailbox.begin_sleep());
}

TEST(ExecutorQueue, GivesUpForGoodAtTheEnd) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  ExecutorQueue queue(mailbox);
  std::vector<std::thread> executors;
  for (int i = 0; i < 4; ++i) executors.emplace_back([&queue] { EXPECT_EQ(queue.take(nullptr), nullptr); });
  EXPECT_TRUE(queue.end().empty());
  for (std::thread& executor : executors) executor.join();
  EXPECT_EQ(queue.take(nullptr), nullptr);
}

TEST(ExecutorQueue, RemembersAnInterruptionUntilTheMainExecutorComes) {
  ForkGuard guard;
  Mailbox mailbox(guard);
  ExecutorQueue queue(mailbox);
  queue.interrupt();
  bool interrupted = false;
  EXPECT_EQ(queue.take(&interrupted), nullptr);
  EXPECT_TRUE(interrupted);
  queue.end();
  EXPECT_EQ(queue.take(&interrupted), nullptr);
  EXPECT_FALSE(interrupted);
}

class AskingExecutor : public ::testing::Test {
 protected:
  // The queue only passes pointers on.
  static Exchange* exchange(std::size_t number) {
    alignas(64) static std::array<std::byte, std::size_t{16} * 64> places;
    return reinterpret_cast<Exchange*>(&places.at(number * 64));
  }
  static ExecutorQueue::Entry entry(std::size_t number, Nanos since = 0, bool movable = true) {
    return {exchange(number), since, movable};
  }
  /// An executor that asks, and has been heard.
  std::thread ask() {
    std::thread executor([this] { got = queue.take(nullptr, true); });
    while (!queue.asked()) std::this_thread::yield();
    return executor;
  }
  ForkGuard guard;
  Mailbox mailbox{guard};
  ExecutorQueue queue{mailbox};
  Exchange* got = nullptr;
};

TEST_F(AskingExecutor, GetsWhatIsPutInFront) {
  queue.push(entry(1));
  std::thread executor = ask();
  queue.push(entry(2));  // waits behind the first
  queue.push_first(entry(3));
  executor.join();
  EXPECT_EQ(got, exchange(3));
  EXPECT_FALSE(queue.asked());
  EXPECT_EQ(queue.take(nullptr), exchange(1));
  EXPECT_EQ(queue.take(nullptr), exchange(2));
  EXPECT_EQ(queue.waiting().progress, 3U);
}

TEST_F(AskingExecutor, GoesOnWithWhatWaitsWhenThereIsNothing) {
  queue.push(entry(1));
  std::thread executor = ask();
  queue.stop_asking();
  executor.join();
  EXPECT_EQ(got, exchange(1));
  EXPECT_FALSE(queue.backlog());
}

TEST_F(AskingExecutor, BecomesAnOrdinaryOneWhenWhatWaitedWasMoved) {
  queue.push(entry(1));
  std::thread executor = ask();
  ASSERT_TRUE(queue.withdraw(0, 0));
  queue.stop_asking();
  EXPECT_FALSE(queue.asked());
  queue.push(entry(2));
  executor.join();
  EXPECT_EQ(got, exchange(2));
}

TEST_F(AskingExecutor, DoesNotAskWhenNothingWaits) {
  std::atomic<bool> ended{false};
  std::thread executor([&] {
    got = queue.take(nullptr, true);
    ended = true;
  });
  EXPECT_FALSE(queue.asked());
  queue.push(entry(2));
  while (!ended) queue.stop_asking();  // the executor may have been late, and asks now
  executor.join();
  EXPECT_EQ(got, exchange(2));
}

TEST_F(AskingExecutor, IsToldOfTheEndAndOfInterruptions) {
  queue.push(entry(1));
  std::thread executor = ask();
  EXPECT_EQ(queue.end().size(), 1U);
  executor.join();
  EXPECT_EQ(got, nullptr);
  EXPECT_FALSE(queue.asked());
}

TEST_F(AskingExecutor, WithdrawsTheOldestThatMayMove) {
  queue.push(entry(1, 10));
  queue.push(entry(2, 20, false));
  queue.push(entry(3, 30));
  queue.push(entry(4, 40));
  EXPECT_FALSE(queue.withdraw(0, 9));
  EXPECT_FALSE(queue.withdraw(4, 100));
  EXPECT_EQ(queue.withdraw(1, 35)->exchange, exchange(3));
  EXPECT_FALSE(queue.withdraw(1, 35));
  EXPECT_EQ(queue.withdraw(0, 35)->exchange, exchange(1));
  const auto left = queue.waiting();
  EXPECT_EQ(left.count, 2U);
  EXPECT_EQ(left.oldest, 20);
  EXPECT_EQ(left.first_movable, 40);
}

}  // namespace
}  // namespace gserve::net
