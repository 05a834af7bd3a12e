// SPDX-License-Identifier: MIT
#include "supervisor/core/types.h"

#include <gtest/gtest.h>

#include <csignal>

namespace gserve::core {
namespace {

using namespace std::chrono_literals;
using Kind = ExitStatus::Kind;

TEST(ExitStatus, IsToldInWords) {
  EXPECT_EQ(describe(ExitStatus{Kind::exited, 3}), "exited with code 3");
  EXPECT_EQ(describe(ExitStatus{Kind::signalled, SIGKILL}), "killed by SIGKILL");
  EXPECT_EQ(describe(ExitStatus{Kind::signalled, SIGSEGV, true}), "killed by SIGSEGV (core dumped)");
  EXPECT_EQ(describe(ExitStatus{Kind::signalled, SIGKILL, false, true}),
            "killed by SIGKILL (out of memory, says the kernel)");
  EXPECT_EQ(describe(ExitStatus{Kind::signalled, 40}), "killed by signal 40");
}

TEST(Durations, AreToldInSeconds) {
  EXPECT_EQ(describe(Duration(30s)), "30 s");
  EXPECT_EQ(describe(Duration(100ms)), "0.1 s");
  EXPECT_EQ(describe(Duration(2min)), "120 s");
}

}  // namespace
}  // namespace gserve::core
