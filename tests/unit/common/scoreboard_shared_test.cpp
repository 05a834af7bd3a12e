// SPDX-License-Identifier: MIT
// The scoreboard between two processes, as it is used: a writer that never stops and a reader that never
// waits.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "common/scoreboard.h"

namespace gserve::scoreboard {
namespace {

/// The line of a request that started at `started`: one letter all along, so that a mix of two writes cannot
/// look right.
std::string line_for(std::uint64_t started) {
  return std::string(kLineSize - started % 50, static_cast<char>('A' + started % 50));
}

/// One slot, written again and again with pauses of changing length: a reader's copy often spans a write.
[[noreturn]] void write_for_ever(Layout* layout) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no busy process behind
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < 50; ++i) lines.push_back(line_for(i));
  Writer writer(layout);
  writer.set_state(WorkerState::serving);
  for (std::uint64_t i = 1;; ++i) {
    writer.begin_request(0, lines[i % lines.size()], i);
    for (volatile std::uint64_t pause = i % 512; pause != 0;) pause = pause - 1;
    if (i % 1000 == 0) writer.end_request(0, 200);
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
  EXPECT_GE(read_until(*layout_, 1000), 1000u);
}

TEST_F(SharedScoreboard, AKilledWriterDoesNotStopTheReader) {
  ASSERT_GE(read_until(*layout_, 100), 100u);
  stop_writer();
  const auto sample = read(*layout_);
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->state, WorkerState::serving);
  EXPECT_GT(sample->in_flight, 0u);
}

// A write in the middle of a read, made to happen: the slot lies across two pages, the second one faults when
// the reader comes to it, and the fault's handler writes.
constexpr std::uint32_t kStraddling = 15;
Layout* g_faulting = nullptr;

void write_on_fault(int) {
  ::mprotect(g_faulting, kSize, PROT_READ | PROT_WRITE);
  char line[kLineSize];
  std::memset(line, 'n', sizeof line);
  Writer(g_faulting).begin_request(kStraddling, {line, sizeof line}, 2);
}

/// Handles SIGSEGV with write_on_fault for its lifetime.
class FaultHandler {
 public:
  FaultHandler() {
    struct sigaction action = {};
    action.sa_handler = write_on_fault;
    ::sigaction(SIGSEGV, &action, &before_);
  }
  ~FaultHandler() { ::sigaction(SIGSEGV, &before_, nullptr); }
  FaultHandler(const FaultHandler&) = delete;
  FaultHandler& operator=(const FaultHandler&) = delete;

 private:
  struct sigaction before_ = {};
};

TEST(TornScoreboard, AReadThatAWriteComesBetweenIsDoneAgain) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  g_faulting = new (memory) Layout{};
  Writer writer(g_faulting);
  writer.begin_request(kStraddling, std::string(kLineSize, 'o'), 1);
  auto* second = static_cast<char*>(memory) + page;
  const Slot& slot = g_faulting->slots[kStraddling];
  ASSERT_TRUE(reinterpret_cast<const char*>(&slot.line[1]) < second &&
              second < reinterpret_cast<const char*>(&slot + 1));

  std::optional<Sample> sample;
  {
    const FaultHandler handler;
    ASSERT_EQ(::mprotect(second, page, PROT_NONE), 0);
    sample = read(*g_faulting);
  }
  ASSERT_TRUE(sample && sample->running.size() == 1);
  EXPECT_EQ(sample->running[0].started_ns, 2u);
  EXPECT_EQ(sample->running[0].line, std::string(kLineSize, 'n'));
  ::munmap(memory, kSize);
}

}  // namespace
}  // namespace gserve::scoreboard
