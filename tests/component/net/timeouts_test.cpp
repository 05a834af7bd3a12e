// SPDX-License-Identifier: MIT
// Clients that are silent, or do not read.
#include <gtest/gtest.h>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

using net::Seconds;

TEST(Timeouts, CloseAnIdleConnectionWithoutAReset) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.keep_alive = Seconds(0.05); });
  Client client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
}

TEST(Timeouts, WithoutKeepAliveEveryAnswerEndsTheConnection) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.keep_alive = Seconds(0); });
  Client client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().fields.at("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Timeouts, AnswerAnUnfinishedHeadWith408) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.header_timeout = Seconds(0.1); });
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHos");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_TRUE(client.closed());
}

TEST(Timeouts, CountFromTheFirstByteOfAHeadHoweverItDribbles) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.header_timeout = Seconds(0.2); });
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nX: ");
  int dribbled = 0;
  while (!client.readable(20) && dribbled < 1000) {
    client.send("x");
    ++dribbled;
  }
  EXPECT_LT(dribbled, 1000);
  EXPECT_EQ(client.read_response().status, 408);
}

TEST(Timeouts, CloseAConnectionThatNeverSaysAnything) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.header_timeout = Seconds(0.05); });
  Client client(server.port());
  EXPECT_EQ(client.read_all(), "");
}

TEST(Timeouts, AnswerASilentBodyWith408) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.body_timeout = Seconds(0.1); });
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(client.read_response().status, 408);
}

TEST(Timeouts, BreakASilentBodyThatIsStreamed) {
  std::atomic<int> broken{0};
  TestServer server(
      [&](net::Exchange& exchange) {
        broken += read_body(exchange) ? 0 : 1;
        exchange.fail();
      },
      [](net::ServerConfig& config) {
        config.memory_limit = config.spool_limit = 4096;
        config.body_timeout = Seconds(0.1);
      });
  Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9000\r\n\r\n" + std::string(5000, 'x'));
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(broken, 1);
  EXPECT_TRUE(wait_for_text(server.log_fd(), "408, the request did not arrive in time"));
}

TEST(Timeouts, DoNotTouchABodyThatGoesOnArriving) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.body_timeout = Seconds(2); });
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    client.send("x");
  }
  EXPECT_EQ(client.read_response().body, "xxxxxxxxxx");
}

TEST(Timeouts, CutAClientThatDoesNotReadItsAnswer) {
  const std::string body(std::size_t{32} << 20, 'x');
  TestServer server([&](net::Exchange& exchange) { answer(exchange, body); },
                    [](net::ServerConfig& config) { config.write_timeout = Seconds(0.1); });
  const int before = open_descriptors();
  Client client(server.port());
  client.get("/");
  ASSERT_TRUE(client.readable(20000));
  // The server's end and its spool are gone without the client having read a byte.
  for (int i = 0; i < 2000 && open_descriptors() > before + 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(open_descriptors(), before + 1);
  EXPECT_FALSE(client.read_response().whole);
}

TEST(Timeouts, FreeAnExecutorThatWaitsForAClientThatDoesNotRead) {
  std::latch gone(1);
  TestServer server(
      [&](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        const std::string piece(1 << 20, 'x');
        while (exchange.send(piece, false) == net::Sent::ok) {
        }
        exchange.finish();
        gone.count_down();
      },
      [](net::ServerConfig& config) {
        config.write_timeout = Seconds(0.1);
        config.spool_limit = 1 << 20;
      });
  Client client(server.port());
  client.get("/");
  gone.wait();
}

TEST(Timeouts, DoNotCountTheApplicationsTime) {
  Gate gate;
  TestServer server(
      [&](net::Exchange& exchange) {
        gate.pass();
        answer(exchange, "late");
      },
      [](net::ServerConfig& config) {
        config.keep_alive = config.header_timeout = config.body_timeout = config.write_timeout =
            Seconds(0.02);
      });
  Client client(server.port());
  client.get("/");
  gate.wait_until_reached();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  gate.open();
  EXPECT_EQ(client.read_response().body, "late");
}

}  // namespace
}  // namespace gserve::test
