// SPDX-License-Identifier: MIT
// Requests and answers over real sockets, connections that stay, and clients that misbehave.
#include <gtest/gtest.h>

#include <array>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

TEST(Serving, AnswersARequestAndKeepsTheConnection) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.get("/hello");
    const Response response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.fields.at("connection"), "keep-alive");
    EXPECT_EQ(response.fields.at("date").size(), 29U);
  }
}

TEST(Serving, AnswersPipelinedRequestsInOrder) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, exchange.head().path); });
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: test\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.read_response().body, "/" + std::to_string(i));
}

TEST(Serving, AnswersPipelinedRequestsWithBodies) {
  TestServer server;
  Client client(server.port());
  const std::string large(100000, 'x');
  client.send(
      "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" +
      large +
      "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "one");
  EXPECT_EQ(client.read_response().body, large);
  EXPECT_EQ(client.read_response().body, "two");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Serving, ReadsARequestThatComesByteByByte) {
  TestServer server;
  Client client(server.port());
  for (const char c : std::string_view("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "5\r\nhello\r\n0\r\n\r\n"))
    client.send({&c, 1});
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Serving, AnswersAClientThatHasFinishedSending) {
  Gate gate;
  TestServer server([&](net::Exchange& exchange) {
    gate.pass();
    answer(exchange, "late");
  });
  Client client(server.port());
  client.get("/");
  client.shut_down_sending();
  gate.wait_until_reached();
  gate.open();
  EXPECT_EQ(client.read_response().body, "late");
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
}

TEST(Serving, TellsTheExecutorWhenTheClientHasReset) {
  Gate gate;
  std::atomic<int> sent_before_gone{0};
  std::latch gone(1);
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/hello") return answer(exchange, "hello");
    gate.pass();
    exchange.start("200 OK", {});
    const std::string piece(65536, 'x');
    while (exchange.send(piece, false) == net::Sent::ok) ++sent_before_gone;
    exchange.finish();
    gone.count_down();
  });
  Client client(server.port());
  client.get("/");
  gate.wait_until_reached();
  client.reset();
  gate.open();
  gone.wait();
  Client next(server.port());
  next.get("/hello");
  EXPECT_EQ(next.read_response().body, "hello");
}

TEST(Serving, ServesHttp10AndClosesUnlessAskedToStay) {
  TestServer server;
  Client client(server.port());
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read_response().fields.at("connection"), "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  const Response response = client.read_response();
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.fields.at("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Serving, SendsNoBodyToHead) {
  TestServer server;
  Client client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.read_response(true).fields.at("content-length"), "5");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Serving, ChunksABodyOfUnknownSize) {
  TestServer server([](net::Exchange& exchange) {
    exchange.start("200 OK", {});
    for (const char* piece : {"one ", "two ", "three"}) exchange.send(piece, false);
    exchange.finish();
  });
  Client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.get("/");
    const Response response = client.read_response();
    EXPECT_EQ(response.body, "one two three");
    EXPECT_TRUE(response.whole);
  }
}

TEST(Serving, EndsAnUnchunkableBodyWithTheConnection) {
  TestServer server([](net::Exchange& exchange) {
    exchange.start("200 OK", {});
    exchange.send("one ", false);
    exchange.send("two", false);
    exchange.finish();
  });
  Client client(server.port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Response response = client.read_response();
  EXPECT_EQ(response.body, "one two");
  EXPECT_TRUE(response.whole);
}

TEST(Serving, SendsEarlyHintsBeforeTheAnswer) {
  TestServer server([](net::Exchange& exchange) {
    const std::array<http::Field, 1> link{{{"Link", "</style.css>; rel=preload"}}};
    const std::array<http::Field, 1> bad{{{"Li\nnk", "x"}}};
    EXPECT_EQ(exchange.early_hints(link), nullptr);
    EXPECT_NE(exchange.early_hints(bad), nullptr);
    answer(exchange, "done");
  });
  Client client(server.port());
  client.get("/");
  const Response hints = client.read_response();
  EXPECT_EQ(hints.status, 103);
  EXPECT_EQ(hints.fields.at("link"), "</style.css>; rel=preload");
  EXPECT_EQ(client.read_response().body, "done");
}

TEST(Serving, Answers500WhenTheApplicationFailsBeforeTheHead) {
  TestServer server([](net::Exchange& exchange) { exchange.fail(); });
  Client client(server.port());
  client.get("/");
  EXPECT_EQ(client.read_response().status, 500);
  EXPECT_TRUE(client.closed());
}

TEST(Serving, Answers500WhenTheApplicationNeverStarted) {
  TestServer server([](net::Exchange& exchange) { exchange.finish(); });
  Client client(server.port());
  client.get("/");
  EXPECT_EQ(client.read_response().status, 500);
}

TEST(Serving, CutsTheConnectionWhenTheApplicationFailsAfterTheHead) {
  TestServer server([](net::Exchange& exchange) {
    exchange.start("200 OK", {});
    exchange.send("half", false);
    exchange.fail();
  });
  Client client(server.port());
  client.send("GET / HTTP/1.0\r\n\r\n");  // framed by the end of the connection: only a reset can tell
  EXPECT_FALSE(client.read_response().whole);
}

TEST(Serving, CutsTheConnectionWhenTheBodyIsShorterThanPromised) {
  TestServer server([](net::Exchange& exchange) {
    const std::array<http::Field, 1> fields{{{"Content-Length", "100"}}};
    exchange.start("200 OK", fields);
    exchange.send("short", true);
    exchange.finish();
  });
  Client client(server.port());
  client.get("/");
  EXPECT_FALSE(client.read_response().whole);
}

TEST(Serving, RefusesAMalformedRequestAndSaysWhyInTheLog) {
  TestServer server;
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n");
  const Response response = client.read_response();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.fields.at("connection"), "close");
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "[INFO] refused a request from 127.0.0.1: 400, "));
}

TEST(Serving, LetsARefusedClientReadTheAnswerWhileItStillSends) {
  TestServer server;
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
  client.send_patiently(std::string(std::size_t{4} << 20, 'x'), 200);
  EXPECT_EQ(client.read_response().status, 400);
}

TEST(Serving, KeepsNoDescriptorOfAThousandMalformedRequests) {
  TestServer server;
  const int before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    Client client(server.port());
    client.send("nonsense\r\n\r\n");
    ASSERT_EQ(client.read_response().status, 400);
  }
  for (int i = 0; i < 1000 && open_descriptors() > before; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Serving, RunsAsManyRequestsAtOnceAsThereAreExecutors) {
  std::latch all(4);
  TestServer server(
      [&](net::Exchange& exchange) {
        all.arrive_and_wait();
        answer(exchange, "met");
      },
      [](net::ServerConfig& config) { config.executors = 4; });
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(server.port()).get("/");
  for (Client& client : clients) EXPECT_EQ(client.read_response().body, "met");
}

TEST(Serving, TellsThePeerAndTheLocalAddress) {
  std::string peer_port;
  TestServer server([&](net::Exchange& exchange) {
    EXPECT_EQ(exchange.peer().address, "127.0.0.1");
    peer_port = exchange.peer().port;
    answer(exchange, exchange.local().address + " " + exchange.local().port);
  });
  Client client(server.port());
  client.get("/");
  EXPECT_EQ(client.read_response().body, "127.0.0.1 " + std::to_string(server.port()));
  EXPECT_FALSE(peer_port.empty());
}

TEST(Serving, ServesManyClientsAtOnceWithoutAFault) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.executors = 3; });
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        Client client(server.port());
        for (int request = 0; request < 10; ++request) {
          const std::string body(static_cast<std::size_t>(i * 3000 + request), 'b');
          client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) +
                      "\r\n\r\n" + body);
          good += client.read_response().body == body ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 8 * 20 * 10);
}

}  // namespace
}  // namespace gserve::test
