// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "supervisor/io/cgroup_oom_counter.h"
#include "supervisor/io/oom_account.h"
#include "tests/component/io/child.h"
#include "tests/component/io/fake_oom_counter.h"

namespace gserve::io {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr char kEvents[] = "low 0\nhigh 12\nmax 40\noom 3\noom_kill 2\noom_group_kill 0\n";

/// A file system as the kernel would show it.
class CgroupOomCounterTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(directory_.path() + path).parent_path());
    std::ofstream(directory_.path() + path) << text;
  }
  void write_proc(const std::string& cgroup, const std::string& mountinfo) const {
    write("/proc/self/cgroup", cgroup);
    write("/proc/self/mountinfo", "22 28 0:21 / /proc rw,nosuid shared:13 - proc proc rw\n" + mountinfo);
  }
  std::optional<std::uint64_t> kills() const { return CgroupOomCounter(directory_.path()).kills(); }

  testing::TemporaryDirectory directory_;
};

TEST_F(CgroupOomCounterTest, ReadsTheEventsOfOurOwnGroup) {
  write_proc("0::/system.slice/gserve.service\n",
             "27 24 0:24 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  write("/sys/fs/cgroup/system.slice/gserve.service/memory.events", kEvents);
  EXPECT_EQ(kills(), 2U);
}

TEST_F(CgroupOomCounterTest, FollowsTheCounter) {
  write_proc("0::/\n", "27 24 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  write("/sys/fs/cgroup/memory.events", kEvents);
  CgroupOomCounter counter(directory_.path());
  EXPECT_EQ(counter.kills(), 2U);
  write("/sys/fs/cgroup/memory.events", "oom_kill 5\n");
  EXPECT_EQ(counter.kills(), 5U);
}

TEST_F(CgroupOomCounterTest, FindsAGroupThatIsAllThatIsMounted) {
  write_proc("0::/docker/abc/app\n", "27 24 0:24 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  write("/sys/fs/cgroup/app/memory.events", kEvents);
  EXPECT_EQ(kills(), 2U);
}

TEST_F(CgroupOomCounterTest, ReadsVersionOneWhereVersionTwoHasNoMemoryController) {
  write_proc("5:cpu,cpuacct:/x\n4:memory:/box\n0::/\n",
             "35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
             "36 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
             "37 31 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  write("/sys/fs/cgroup/memory/box/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
  EXPECT_EQ(kills(), 4U);
}

TEST_F(CgroupOomCounterTest, SaysNothingWhereNothingCanBeRead) {
  EXPECT_EQ(kills(), std::nullopt) << "no /proc";
  write_proc("0::/x\n", "27 24 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  EXPECT_EQ(kills(), std::nullopt) << "no memory.events";
  write("/sys/fs/cgroup/x/memory.events", "oom_kill many\n");
  EXPECT_EQ(kills(), std::nullopt) << "no number";
  write("/sys/fs/cgroup/x/memory.events", "low 1\n");
  EXPECT_EQ(kills(), std::nullopt) << "an old kernel";
  write_proc("0::/../../y\n\n:\nx\n", "27 24\n\n27 24 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  write("/sys/fs/cgroup/y/memory.events", kEvents);
  EXPECT_EQ(kills(), std::nullopt) << "a group outside what is mounted";
}

TEST_F(CgroupOomCounterTest, SaysNothingWhenTheGroupHasGone) {
  write_proc("0::/x\n", "27 24 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  write("/sys/fs/cgroup/x/memory.events", kEvents);
  CgroupOomCounter counter(directory_.path());
  fs::remove_all(directory_.path() + "/sys");
  EXPECT_EQ(counter.kills(), std::nullopt);
}

class OomAccountTest : public ::testing::Test {
 protected:
  testing::FakeOomCounter counter_;
  OomAccount account_{counter_};
  core::TimePoint now_ = core::TimePoint{} + seconds(1000);
};

TEST_F(OomAccountTest, ExplainsAsManyDeathsAsTheKernelHasCounted) {
  EXPECT_FALSE(account_.claim()) << "what was counted before the start is nobody's";
  *counter_.count += 2;
  EXPECT_TRUE(account_.claim());
  EXPECT_TRUE(account_.claim());
  EXPECT_FALSE(account_.claim());
}

TEST_F(OomAccountTest, ForgetsWhatNobodyHasClaimedForLong) {
  account_.forget_old(now_);
  ++*counter_.count;
  account_.forget_old(now_ + seconds(10));
  account_.forget_old(now_ + seconds(19));
  EXPECT_TRUE(account_.claim()) << "not yet old";
  ++*counter_.count;
  account_.forget_old(now_ + seconds(20));
  account_.forget_old(now_ + seconds(30));
  EXPECT_FALSE(account_.claim());
}

TEST_F(OomAccountTest, ExplainsNothingWithoutACounter) {
  counter_.count.reset();
  EXPECT_FALSE(account_.claim());
  account_.forget_old(now_);
  EXPECT_FALSE(account_.claim());
}

}  // namespace
}  // namespace gserve::io
