// SPDX-License-Identifier: MIT
#include "supervisor/io/orphans.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"
#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

using std::chrono::milliseconds;

class OrphansTest : public ::testing::Test {
 protected:
  OrphansTest() {
    ::sigprocmask(SIG_SETMASK, nullptr, &mask_);
    block_handled_signals();
  }
  ~OrphansTest() override { ::sigprocmask(SIG_SETMASK, &mask_, nullptr); }

  ports::Process launch(const std::string& script) {
    return testing::launched(launcher_.launch(testing::mock_worker(script, {"LISTEN_FDNAMES="})));
  }

  sigset_t mask_{};
  SignalQueue signals_;
  BoostProcessLauncher launcher_{rlimit{256, 256}};
};

TEST_F(OrphansTest, NoneIsNoWork) {
  EXPECT_EQ(end_orphans(signals_, milliseconds(10'000)), 0);
}

TEST_F(OrphansTest, ThoseThatObeyAreEndedAtOnce) {
  launch("hang");
  launch("hang");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(end_orphans(signals_, milliseconds(10'000)), 2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(5'000));
}

TEST_F(OrphansTest, ThoseThatDoNotAreKilled) {
  testing::TemporaryDirectory directory;
  const ports::Process child = testing::launched(launcher_.launch(
      testing::mock_worker("ignore-term report hang", {"MOCK_REPORT=" + directory.path() + "/report"})));
  while (testing::read_report(directory.path() + "/report").empty()) ::usleep(1000);
  EXPECT_EQ(end_orphans(signals_, milliseconds(500)), 1);
  EXPECT_LT(::kill(child.pid, 0), 0);
}

}  // namespace
}  // namespace gserve::io
