// SPDX-License-Identifier: MIT
// Connections that begin with a PROXY header.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

using namespace std::string_literals;

const std::string kLine = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
// The same, in binary, with a TLV.
const std::string kBinary =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xc0\0\x02\x07\x0a\0\0\x01\x12\x67\x01\xbb\x01\0\x02h2"s;
const std::string kRequest = "GET /who HTTP/1.1\r\nHost: t\r\n\r\n";

/// Answers with the client, who is connected, and what the header said.
void who(net::Exchange& exchange) {
  const http::ProxyHeader* header = exchange.proxy_header();
  std::string text =
      exchange.peer().address + ":" + exchange.peer().port + " by " + exchange.connected().address;
  if (header != nullptr) text += " " + std::string(header->protocol) + " to " + header->destination;
  answer(exchange, text);
}

class Proxied : public ::testing::Test {
 protected:
  static void configure(net::ServerConfig& config) {
    config.proxy_protocol = http::ProxyMode::either;
    config.proxy_allow_ips.add("127.0.0.1");
  }
};

TEST_F(Proxied, TheClientIsTheAnnouncedOneForAllItsRequests) {
  TestServer server(who, configure);
  for (const std::string& header : {kLine, kBinary}) {
    Client client(server.port());
    client.send(header + kRequest);
    EXPECT_EQ(client.read_response().body, "192.0.2.7:4711 by 127.0.0.1 TCP4 to 10.0.0.1");
    client.send(kRequest);
    EXPECT_EQ(client.read_response().body, "192.0.2.7:4711 by 127.0.0.1 TCP4 to 10.0.0.1");
  }
}

TEST_F(Proxied, TheHeaderMayComeInPieces) {
  TestServer server(who, configure);
  Client client(server.port());
  const std::string bytes = kBinary + kRequest;
  for (const char c : bytes.substr(0, bytes.size() - 1)) {
    client.send(std::string(1, c));
    ASSERT_FALSE(client.readable(0));
  }
  client.send(bytes.substr(bytes.size() - 1));
  EXPECT_THAT(client.read_response().body, ::testing::StartsWith("192.0.2.7:4711 by 127.0.0.1"));
}

TEST_F(Proxied, AProxyMaySpeakForItself) {
  TestServer server(who, configure);
  for (const std::string& header : {"PROXY UNKNOWN\r\n"s, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s}) {
    Client client(server.port());
    client.send(header + kRequest);
    EXPECT_THAT(client.read_response().body,
                ::testing::MatchesRegex("127.0.0.1:[0-9]+ by 127.0.0.1 (UNKNOWN|LOCAL) to "));
  }
}

TEST_F(Proxied, AConnectionNeedNotBeginWithAHeader) {
  TestServer server(who, configure);
  Client client(server.port());
  client.send(kRequest);
  EXPECT_THAT(client.read_response().body, ::testing::MatchesRegex("127.0.0.1:[0-9]+ by 127.0.0.1"));
}

TEST_F(Proxied, TheHeaderComesOnlyOnce) {
  TestServer server(who, configure);
  Client client(server.port());
  client.send(kLine + kLine + kRequest);
  EXPECT_EQ(client.read_response().status, 400);
  EXPECT_TRUE(client.closed());
  Client later(server.port());
  later.send(kRequest);
  EXPECT_EQ(later.read_response().status, 200);
  later.send(kLine + kRequest);
  EXPECT_EQ(later.read_response().status, 400);
}

TEST_F(Proxied, AStrangersHeaderIsRefusedAndLogged) {
  TestServer server(who, [](net::ServerConfig& config) {
    configure(config);
    config.proxy_allow_ips = {};
    config.proxy_allow_ips.add("192.0.2.0/24");
  });
  Client client(server.port());
  client.send(kLine + kRequest);
  EXPECT_EQ(client.read_response().status, 403);
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "refused a request from 127.0.0.1: 403, a PROXY header"));
  Client plain(server.port());
  plain.send(kRequest);
  EXPECT_EQ(plain.read_response().status, 200);
}

TEST_F(Proxied, AWrongHeaderIsRefused) {
  TestServer server(who, configure);
  Client client(server.port());
  client.send("PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n" + kRequest);
  EXPECT_EQ(client.read_response().status, 400);
  EXPECT_TRUE(client.closed());
}

TEST_F(Proxied, WithoutTheSettingAHeaderIsNoRequest) {
  TestServer server(who);
  Client client(server.port());
  client.send(kLine + kRequest);
  EXPECT_EQ(client.read_response().status, 400);
}

TEST_F(Proxied, AHeaderThatDoesNotEndTimesOut) {
  TestServer server(who, [](net::ServerConfig& config) {
    configure(config);
    config.header_timeout = net::Seconds(0.05);
  });
  Client client(server.port());
  client.send(kLine.substr(0, 20));
  EXPECT_TRUE(client.closed());
}

TEST_F(Proxied, AClientThatLeavesInTheMiddleIsLetGo) {
  TestServer server(who, configure);
  Client client(server.port());
  client.send(kLine.substr(0, 20));
  client.shut_down_sending();
  EXPECT_TRUE(client.closed());
  Client whole(server.port());
  whole.send(kLine + kRequest);
  whole.shut_down_sending();
  EXPECT_EQ(whole.read_response().status, 200);
}

TEST_F(Proxied, TheAccessLogNamesTheClient) {
  const UniqueFd log = temporary_file();
  TestServer server(who, [&](net::ServerConfig& config) {
    configure(config);
    config.access_log = log.get();
  });
  Client client(server.port());
  client.send(kLine + kRequest);
  client.read_response();
  ASSERT_TRUE(wait_for_text(log.get(), "\n"));
  EXPECT_THAT(contents(log.get()), ::testing::StartsWith("192.0.2.7 - - ["));
}

}  // namespace
}  // namespace gserve::test
