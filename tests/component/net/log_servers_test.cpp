// SPDX-License-Identifier: MIT
// Syslog and statsd servers that hear of lines and requests: what they get, and that nobody waits for them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "common/statsd.h"
#include "common/syslog.h"
#include "tests/component/net/client.h"
#include "tests/component/net/lifeline.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

using syslog::Severity;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int kPatience = 20'000;  // milliseconds

/// A socket of the test's that plays the server.
class FakeServer {
 public:
  static FakeServer udp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return FakeServer(SOCK_DGRAM, address);
  }
  static FakeServer tcp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return FakeServer(SOCK_STREAM, address);
  }
  static FakeServer local(int type, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return FakeServer(type, address);
  }

  std::string port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return std::to_string(ntohs(address.sin_port));
  }
  /// The next datagram or, of a stream, what has come; empty if nothing comes.
  std::string receive(int patience = kPatience) {
    if (stream_ && !connection_) {
      if (!readable(fd_.get(), patience)) return {};
      connection_.reset(::accept(fd_.get(), nullptr, nullptr));
    }
    const int from = stream_ ? connection_.get() : fd_.get();
    if (!readable(from, patience)) return {};
    std::string room(65536, '\0');
    const ssize_t n = ::recv(from, room.data(), room.size(), 0);
    room.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return room;
  }
  void drop_connection() { connection_.reset(); }

 private:
  template <typename Address>
  FakeServer(int type, const Address& address)
      : fd_(::socket(reinterpret_cast<const sockaddr&>(address).sa_family, type | SOCK_CLOEXEC, 0)),
        stream_(type == SOCK_STREAM) {
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind");
    if (stream_) ::listen(fd_.get(), 8);
  }
  static bool readable(int fd, int patience) {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, patience) == 1;
  }

  UniqueFd fd_;
  UniqueFd connection_;
  bool stream_;
};

struct Directory {
  Directory() {
    if (::mkdtemp(path.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path = "/tmp/gserve-net-XXXXXX";
};

syslog::Sender sender(const std::string& target) {
  return syslog::Sender(syslog::parse_target(target).target, 23);
}

std::string mark() {
  return "[" + std::to_string(::getpid()) + "] ";
}

TEST(Syslog, GetsPriorityTagAndANulByteInADatagram) {
  FakeServer server = FakeServer::udp();
  syslog::Sender syslog = sender("udp://127.0.0.1:" + server.port());
  syslog.send(Severity::error, "gunicorn.shop.error", "[1] two\nlines");
  EXPECT_EQ(server.receive(), std::string("<187>gunicorn.shop.error: [1] two\nlines\0", 40));
  EXPECT_FALSE(syslog.take_lost());
}

TEST(Syslog, GetsOneTextAfterTheOtherOnAStream) {
  FakeServer server = FakeServer::tcp();
  syslog::Sender syslog = sender("tcp://127.0.0.1:" + server.port());
  syslog.send(Severity::info, "a", "1");
  syslog.send(Severity::debug, "b", "2");
  std::string got;
  while (got.size() < 20) got += server.receive();
  EXPECT_EQ(got, std::string("<190>a: 1\0<191>b: 2\0", 20));
  EXPECT_FALSE(syslog.holds_back());
}

TEST(Syslog, OnAUnixSocketMayBeOfEitherKind) {
  const Directory directory;
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const std::string path = directory.path + "/" + std::to_string(type);
    FakeServer server = FakeServer::local(type, path);
    syslog::Sender syslog = sender("unix://" + path);
    syslog.send(Severity::warning, "t", "x");
    EXPECT_EQ(server.receive(), std::string("<188>t: x\0", 10)) << type;
  }
}

TEST(Syslog, ThatIsAwayCostsLinesWhichAreCountedAndIsFoundAgain) {
  const Directory directory;
  const std::string path = directory.path + "/log";
  syslog::Sender syslog = sender("unix://" + path);
  for (int i = 0; i < 3; ++i) syslog.send(Severity::info, "t", "lost");
  const auto lost = syslog.take_lost();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->lines, 3U);
  EXPECT_EQ(lost->reason, "No such file or directory");
  FakeServer server = FakeServer::local(SOCK_DGRAM, path);
  std::string got;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (got.empty() && std::chrono::steady_clock::now() < limit) {
    syslog.send(Severity::info, "t", "found");
    got = server.receive(100);
  }
  EXPECT_EQ(got, std::string("<190>t: found\0", 14));
}

TEST(Syslog, ThatReadsNothingCostsLinesAndNoTime) {
  const Directory directory;
  FakeServer server = FakeServer::local(SOCK_STREAM, directory.path + "/log");
  syslog::Sender syslog = sender("unix://" + directory.path + "/log");
  const std::string text(10'000, 'x');
  constexpr int kLines = 200;  // more than the socket holds
  for (int i = 0; i < kLines; ++i) syslog.send(Severity::info, "t", text);
  const auto lost = syslog.take_lost();
  ASSERT_TRUE(lost);
  EXPECT_GT(lost->lines, 50U);
  std::string got;
  while (static_cast<std::uint64_t>(std::count(got.begin(), got.end(), '\0')) + lost->lines < kLines) {
    const std::string more = server.receive();
    if (more.empty()) break;
    got += more;
    syslog.flush();
  }
  EXPECT_EQ(static_cast<std::uint64_t>(std::count(got.begin(), got.end(), '\0')) + lost->lines, kLines);
  EXPECT_FALSE(syslog.holds_back());
}

TEST(Syslog, ThatIsSlowGetsDatagramsLater) {
  const Directory directory;
  FakeServer server = FakeServer::local(SOCK_DGRAM, directory.path + "/log");
  syslog::Sender syslog = sender("unix://" + directory.path + "/log");
  for (int i = 0; i < 500; ++i) syslog.send(Severity::info, "t", "x");  // more than its queue holds
  ASSERT_TRUE(syslog.holds_back());
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(server.receive(), std::string("<190>t: x\0", 10)) << i;
    syslog.flush();
  }
  EXPECT_FALSE(syslog.holds_back());
  EXPECT_FALSE(syslog.take_lost());
}

TEST(Syslog, ConnectsAgainToAServerThatHasClosedTheStream) {
  FakeServer server = FakeServer::tcp();
  syslog::Sender syslog = sender("tcp://127.0.0.1:" + server.port());
  syslog.send(Severity::info, "t", "first");
  ASSERT_THAT(server.receive(), HasSubstr("first"));
  server.drop_connection();
  std::string got;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (got.find("again") == std::string::npos && std::chrono::steady_clock::now() < limit) {
    syslog.send(Severity::info, "t", "again");
    got = server.receive(100);
  }
  EXPECT_THAT(got, HasSubstr("<190>t: again"));
}

TEST(Statsd, GathersMetricsAsGunicornWritesThem) {
  FakeServer server = FakeServer::udp();
  statsd::Client client(statsd::parse_target("127.0.0.1:" + server.port()).target, "shop.", "zone:a,x");
  client.increment("gunicorn.requests");
  client.timing("gunicorn.request.duration", 12'345);
  client.gauge("gunicorn.workers", 4);
  client.histogram("gunicorn.backlog", 7);
  client.flush();
  EXPECT_EQ(server.receive(),
            "shop.gunicorn.requests:1|c|@1.0|#zone:a,x\n"
            "shop.gunicorn.request.duration:12.345|ms|#zone:a,x\n"
            "shop.gunicorn.workers:4|g|#zone:a,x\n"
            "shop.gunicorn.backlog:7|h|#zone:a,x");
}

TEST(Statsd, DatagramsFitAnEthernetFrame) {
  FakeServer server = FakeServer::udp();
  statsd::Client client(statsd::parse_target("127.0.0.1:" + server.port()).target, "", "");
  for (int i = 0; i < 200; ++i) client.increment("gunicorn.requests");
  client.flush();
  int metrics = 0;
  while (metrics < 200) {
    const std::string datagram = server.receive();
    ASSERT_FALSE(datagram.empty());
    EXPECT_LE(datagram.size(), 1432U);
    metrics += count(datagram, "gunicorn.requests:1|c|@1.0");
  }
  EXPECT_EQ(metrics, 200);
}

TEST(Statsd, ThatIsAwayIsToldOnce) {
  const Directory directory;
  statsd::Client client(statsd::parse_target("unix://" + directory.path + "/none").target, "", "");
  for (int i = 0; i < 3; ++i) {
    client.increment("x");
    client.flush();
  }
  const auto lost = client.take_lost();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->datagrams, 3U);
  EXPECT_EQ(lost->reason, "No such file or directory");
  client.increment("x");
  client.flush();
  EXPECT_FALSE(client.take_lost());
}

TEST(LogServers, HearOfEveryRequest) {
  FakeServer syslog = FakeServer::udp();
  FakeServer statsd = FakeServer::udp();
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.syslog_address = "udp://127.0.0.1:" + syslog.port();
    config.syslog_name = "gunicorn.shop";
    config.statsd_address = "127.0.0.1:" + statsd.port();
    config.access_log_format = "%(m)s %(U)s %(s)s";
  });
  Client client(server.port());
  client.get("/hello");
  client.read_response();
  EXPECT_EQ(syslog.receive(), "<14>gunicorn.shop.access: " + mark() + "GET /hello 200" + '\0');
  EXPECT_THAT(statsd.receive(), MatchesRegex("gunicorn\\.request\\.duration:[0-9]+\\.[0-9][0-9][0-9]\\|ms\n"
                                             "gunicorn\\.requests:1\\|c\\|@1\\.0\n"
                                             "gunicorn\\.request\\.status\\.200:1\\|c\\|@1\\.0"));
  client.get("/missing");
  client.read_response();
  EXPECT_THAT(syslog.receive(), HasSubstr("GET /missing 404"));
  EXPECT_THAT(statsd.receive(), HasSubstr("gunicorn.request.status.404:1|c|@1.0"));
}

TEST(LogServers, HearOfTheServersOwnLines) {
  FakeServer syslog = FakeServer::udp();
  FakeServer statsd = FakeServer::udp();
  Lifeline lifeline;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.lifeline = lifeline.worker.get();
    config.syslog_address = "udp://127.0.0.1:" + syslog.port();
    config.syslog_facility = 3;
    config.syslog_name = "gunicorn.shop";
    config.syslog_access = false;
    config.statsd_address = "127.0.0.1:" + statsd.port();
  });
  Client client(server.port());
  client.get("/hello");
  client.read_response();
  EXPECT_THAT(statsd.receive(), HasSubstr("gunicorn.requests:1|c"));
  lifeline.supervisor.reset();
  server.join();
  EXPECT_EQ(syslog.receive(),
            "<28>gunicorn.shop.error: " + mark() + "the supervisor is gone: draining" + '\0');
  EXPECT_EQ(statsd.receive(), "gunicorn.log.warning:1|c|@1.0");
}

TEST(LogServers, ThatAreAwayCostNoRequestAndAreTold) {
  const Directory directory;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.syslog_address = "unix://" + directory.path + "/log";
    config.syslog_name = "gunicorn.shop";
    config.statsd_address = "unix://" + directory.path + "/statsd";
  });
  Client client(server.port());
  for (int i = 0; i < 50; ++i) {
    client.get("/hello");
    ASSERT_EQ(client.read_response().body, "hello");
  }
  // How many are told at first depends on how many a turn of the I/O thread had.
  for (const std::string name : {"syslog", "statsd"}) {
    ASSERT_TRUE(wait_for_text(server.log_fd(), "that " + name + " did not take: "));
    EXPECT_THAT(server.log(), ::testing::ContainsRegex("that " + name +
                                                       " did not take: [0-9]+: No such file or directory"));
  }
  EXPECT_EQ(count(server.log(), "that syslog did not take"), 1);
}

TEST(LogFormat, IsAnObjectALineWhereJsonIsAskedFor) {
  Lifeline lifeline;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.lifeline = lifeline.worker.get();
    config.log_json = true;
    config.log_priority = true;
    config.generation = 7;
  });
  lifeline.supervisor.reset();
  server.join();
  const std::string pid = std::to_string(::getpid());
  EXPECT_THAT(server.log(),
              MatchesRegex(
                  R"(<4>\{"time":"[0-9]+-[0-9]+-[0-9]+T[0-9:]+\.[0-9][0-9][0-9]Z","level":"warning","pid":)" +
                  pid + R"(,"message":"the supervisor is gone: draining","worker":)" + pid +
                  R"(,"generation":7\})" + "\n"));
}

}  // namespace
}  // namespace gserve::test
