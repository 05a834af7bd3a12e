// SPDX-License-Identifier: MIT
#include "supervisor/io/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

/// Blocks the handled signals for the test and puts everything back.
class SignalsTest : public ::testing::Test {
 protected:
  SignalsTest() {
    ::sigprocmask(SIG_SETMASK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &pipe_);
    block_handled_signals();
  }
  ~SignalsTest() override {
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    ::sigaction(SIGPIPE, &pipe_, nullptr);
  }
  sigset_t mask_{};
  struct sigaction pipe_ {};
};

TEST_F(SignalsTest, ArriveThroughTheDescriptor) {
  SignalQueue queue;
  EXPECT_TRUE(queue.read().empty());
  ::raise(SIGHUP);
  ::raise(SIGTTIN);
  EXPECT_TRUE(testing::readable(queue.fd()));
  EXPECT_THAT(queue.read(), ::testing::UnorderedElementsAre(SIGHUP, SIGTTIN));
  EXPECT_TRUE(queue.read().empty());
}

TEST_F(SignalsTest, ArriveEvenWhenTheParentHadThemIgnored) {
  SignalQueue queue;
  const auto old = ::signal(SIGHUP, SIG_IGN);  // as nohup does
  ::raise(SIGHUP);
  EXPECT_THAT(queue.read(), ::testing::ElementsAre(SIGHUP));
  ::signal(SIGHUP, old);
}

TEST_F(SignalsTest, WritingToAClosedPipeIsAnErrorOnly) {
  struct sigaction action {};
  ::sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

TEST(SignalNameTest, IsTheOneOfTheManual) {
  EXPECT_STREQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_STREQ(signal_name(SIGTTOU), "SIGTTOU");
}

}  // namespace
}  // namespace gserve::io
