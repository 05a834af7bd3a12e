// SPDX-License-Identifier: MIT
#include "common/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>
#include <utility>

namespace gserve {
namespace {

int open_null() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFd, OwnsNothingByDefault) {
  const UniqueFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFd, ClosesAtTheEndOfItsLife) {
  const int raw = open_null();
  {
    const UniqueFd fd(raw);
    EXPECT_TRUE(fd);
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFd, OwnsDescriptorZero) {
  EXPECT_TRUE([] {
    UniqueFd fd(0);
    const bool owned = static_cast<bool>(fd);
    fd.release();
    return owned;
  }());
}

TEST(UniqueFd, MovingGivesOwnershipAway) {
  const int raw = open_null();
  UniqueFd first(raw);
  const UniqueFd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what a move leaves is specified
  EXPECT_EQ(second.get(), raw);
  EXPECT_TRUE(is_open(raw));
}

TEST(UniqueFd, MoveAssignmentClosesWhatWasOwned) {
  const int kept = open_null(), closed = open_null();
  UniqueFd fd(closed);
  fd = UniqueFd(kept);
  EXPECT_EQ(fd.get(), kept);
  EXPECT_FALSE(is_open(closed));
  EXPECT_TRUE(is_open(kept));
}

TEST(UniqueFd, MovingOntoItselfKeepsTheDescriptor) {
  UniqueFd fd(open_null());
  UniqueFd& same = fd;
  const int raw = fd.get();
  fd = std::move(same);
  EXPECT_EQ(fd.get(), raw);
  EXPECT_TRUE(is_open(raw));
}

TEST(UniqueFd, ReleaseLeavesTheDescriptorOpen) {
  UniqueFd fd(open_null());
  const int raw = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(raw));
  ::close(raw);
}

TEST(UniqueFd, ResetClosesAndReplaces) {
  const int first = open_null(), second = open_null();
  UniqueFd fd(first);
  fd.reset(second);
  EXPECT_FALSE(is_open(first));
  EXPECT_EQ(fd.get(), second);
  fd.reset(second);
  EXPECT_TRUE(is_open(second));
  fd.reset();
  EXPECT_FALSE(is_open(second));
}

TEST(UniqueFd, ResetLeavesErrnoAlone) {
  const int raw = open_null();
  UniqueFd fd(raw);
  ::close(raw);  // the close in reset() then fails with EBADF
  errno = ENOENT;
  fd.reset();
  EXPECT_EQ(errno, ENOENT);
}

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);
static_assert(std::is_nothrow_move_constructible_v<UniqueFd> && std::is_nothrow_move_assignable_v<UniqueFd>);

}  // namespace
}  // namespace gserve
