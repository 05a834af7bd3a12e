// SPDX-License-Identifier: MIT
// Files go from the page cache to the socket, not through the process.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace {
std::atomic<std::size_t> g_bytes{0};
}

/// Takes the place of the C library's, which every caller in this program would reach.
extern "C" ssize_t sendfile(int to, int from, off_t* offset, size_t size) {
  const ssize_t sent = ::syscall(SYS_sendfile, to, from, offset, size);
  if (sent > 0) g_bytes += static_cast<std::size_t>(sent);
  return sent;
}

namespace gserve::test {
namespace {

TEST(Sendfile, CarriesEveryByteOfAFile) {
  constexpr std::size_t kSize = std::size_t{5} << 20;
  const UniqueFd file = temporary_file();
  const std::string content(kSize, 'f');
  ASSERT_EQ(::write(file.get(), content.data(), kSize), static_cast<ssize_t>(kSize));
  TestServer server([&](net::Exchange& exchange) {
    const std::string size = std::to_string(kSize - 1000);
    const http::Field length{"Content-Length", size};
    exchange.start("200 OK", {&length, 1});
    exchange.send_file(file.get(), 1000, kSize - 1000);
    exchange.finish();
  });
  g_bytes = 0;
  Client client(server.port());
  client.get("/file");
  EXPECT_EQ(client.read_response().body, content.substr(1000));
  EXPECT_EQ(g_bytes, kSize - 1000);
}

}  // namespace
}  // namespace gserve::test
