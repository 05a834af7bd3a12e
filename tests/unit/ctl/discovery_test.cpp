// SPDX-License-Identifier: MIT
#include "ctl/discovery.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/unique_fd.h"

namespace gserve::ctl {
namespace {

namespace fs = std::filesystem;

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    std::string pattern = "/tmp/gserve-test-XXXXXX";
    root_ = mkdtemp(pattern.data()) != nullptr ? pattern : "";
  }
  ~DiscoveryTest() override { fs::remove_all(root_); }

  /// Makes ROOT/NAME/control; a live one as long as the result is kept.
  UniqueFd listen_at(const std::string& name) const {
    fs::create_directories(root_ + "/" + name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = root_ + "/" + name + "/control";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd.get(), 4), 0);
    return fd;
  }

  std::string root_;
};

TEST_F(DiscoveryTest, FindsLiveInstancesByName) {
  const UniqueFd shop = listen_at("shop");
  const UniqueFd blog = listen_at("blog");
  const Discovery found = discover({root_});
  ASSERT_EQ(found.live.size(), 2U);
  EXPECT_EQ(found.live[0].name, "blog");
  EXPECT_EQ(found.live[1].name, "shop");
  EXPECT_EQ(found.live[1].socket, root_ + "/shop/control");
  EXPECT_TRUE(found.closed.empty());
}

TEST_F(DiscoveryTest, SkipsWhatIsNoLiveSocket) {
  listen_at("stale").reset();
  fs::create_directories(root_ + "/empty");
  fs::create_directories(root_ + "/file");
  std::ofstream(root_ + "/file/control") << "no socket";
  std::ofstream(root_ + "/stray") << "no directory";
  const Discovery found = discover({root_});
  EXPECT_TRUE(found.live.empty());
  EXPECT_TRUE(found.closed.empty());
  EXPECT_TRUE(fs::exists(root_ + "/stale/control")) << "removing it is its successor's business";
}

TEST_F(DiscoveryTest, MissingRootsAreNoError) {
  EXPECT_TRUE(discover({root_ + "/nowhere"}).live.empty());
  EXPECT_TRUE(discover({}).live.empty());
}

TEST_F(DiscoveryTest, LooksInEveryRoot) {
  const UniqueFd shop = listen_at("a/shop");
  const UniqueFd blog = listen_at("b/shop");
  EXPECT_EQ(discover({root_ + "/a", root_ + "/b"}).live.size(), 2U);
}

}  // namespace
}  // namespace gserve::ctl
