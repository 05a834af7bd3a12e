// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "supervisor/io/memfd.h"
#include "supervisor/io/process_usage.h"
#include "supervisor/io/scoreboard_memory.h"

namespace gserve::io {
namespace {

TEST(MemfdTest, SealedFileCannotBeChanged) {
  const UniqueFd fd = make_sealed_memfd("test", "settings");
  EXPECT_EQ(read_memfd(fd.get(), 100), "settings");
  EXPECT_LT(::pwrite(fd.get(), "X", 1, 0), 0);
  EXPECT_LT(::ftruncate(fd.get(), 0), 0);
  EXPECT_LT(::ftruncate(fd.get(), 100), 0);
  EXPECT_LT(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_CUR), 0);
}

TEST(MemfdTest, GrowingFileIsReadUpToALimit) {
  const UniqueFd fd = make_growing_memfd("test");
  ASSERT_EQ(::write(fd.get(), "0123456789", 10), 10);
  EXPECT_EQ(read_memfd(fd.get(), 4), "0123");
  EXPECT_EQ(read_memfd(fd.get(), 100), "0123456789");
}

TEST(ScoreboardMemoryTest, WorkerCannotTruncateItUnderTheReader) {
  const ScoreboardMemory memory;
  EXPECT_LT(::ftruncate(memory.fd(), 0), 0);
  EXPECT_LT(::ftruncate(memory.fd(), static_cast<off_t>(scoreboard::kSize * 2)), 0);
  EXPECT_LT(::fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(ScoreboardMemoryTest, ShowsWhatTheWorkerWrote) {
  ScoreboardMemory memory;
  EXPECT_FALSE(memory.sample());
  void* mapped = ::mmap(nullptr, scoreboard::kSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  scoreboard::Writer writer(static_cast<scoreboard::Layout*>(mapped));
  writer.begin_request(0, "GET / HTTP/1.1", 17);
  const ScoreboardMemory moved(std::move(memory));
  const auto sample = moved.sample();
  ::munmap(mapped, scoreboard::kSize);
  ASSERT_TRUE(sample);
  ASSERT_EQ(sample->running.size(), 1U);
  EXPECT_EQ(sample->running[0].line, "GET / HTTP/1.1");
}

TEST(ProcessMemoryTest, KnowsOwnMemoryAndNothingOfAMissingProcess) {
  EXPECT_GT(resident_bytes(::getpid()), 100'000U);
  EXPECT_EQ(resident_bytes(0), 0U);
}

}  // namespace
}  // namespace gserve::io
