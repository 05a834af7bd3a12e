// SPDX-License-Identifier: MIT
// The scoreboard between two processes, as it is used: a writer that never stops and a reader that never
// waits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>

#include "common/scoreboard.h"

namespace gserve::scoreboard {
namespace {

/// The line of a request that started at `started`: one letter all along, so that a mix of two writes cannot
/// look right.
std::string line_for(std::uint64_t started) {
  return std::string(kLineSize - started % 50, static_cast<char>('A' + started % 50));
}

/// Two requests that take turns: at any moment at least one is running and one is being written.
[[noreturn]] void write_for_ever(Layout* layout) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no busy process behind
  Writer writer(layout);
  writer.set_state(WorkerState::serving);
  writer.begin_request(0, line_for(2), 2);
  for (std::uint64_t i = 3;; ++i) {
    writer.begin_request(static_cast<std::uint32_t>(i % 2), line_for(i), i);
    writer.end_request(static_cast<std::uint32_t>((i + 1) % 2), 200);
  }
}

class SharedScoreboard : public testing::Test {
 protected:
  void SetUp() override {
    void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    layout_ = new (memory) Layout{};
    writer_ = ::fork();
    ASSERT_GE(writer_, 0) << "fork failed";
    if (writer_ == 0) write_for_ever(layout_);
  }

  void TearDown() override {
    stop_writer();
    ::munmap(layout_, kSize);
  }

  void stop_writer() {
    if (writer_ <= 0) return;
    ::kill(writer_, SIGKILL);
    ::waitpid(writer_, nullptr, 0);
    writer_ = -1;
  }

  Layout* layout_ = nullptr;
  pid_t writer_ = -1;
};

/// Samples until `wanted` requests were seen running; every one of them must be whole.
std::size_t read_until(const Layout& layout, std::size_t wanted) {
  std::size_t seen = 0;
  while (seen < wanted) {
    const auto sample = read(layout);
    if (!sample) continue;  // the writer has not begun
    for (const RunningRequest& request : sample->running) {
      if (request.line != line_for(request.started_ns)) return 0;
      ++seen;
    }
  }
  return seen;
}

TEST_F(SharedScoreboard, AReaderNeverSeesHalfAWrite) {
  EXPECT_GE(read_until(*layout_, 5000), 5000u);
}

TEST_F(SharedScoreboard, AKilledWriterDoesNotStopTheReader) {
  ASSERT_GE(read_until(*layout_, 100), 100u);
  stop_writer();
  const auto sample = read(*layout_);
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->state, WorkerState::serving);
  EXPECT_GT(sample->requests, 0u);
}

}  // namespace
}  // namespace gserve::scoreboard
