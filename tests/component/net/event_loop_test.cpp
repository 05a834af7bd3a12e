// SPDX-License-Identifier: MIT
// Executors with an event loop: nothing blocks on their thread, and what had to wait is resumed.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <map>
#include <mutex>
#include <thread>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"
#include "worker/net/executor_queue.h"

namespace gserve::test {
namespace {

using net::Exchange;
using net::Ready;
using net::Sent;

constexpr std::size_t kPiece = 16U << 10;

void event_loop(net::ServerConfig& config) {
  config.event_loop = true;
  config.executors = 1000;
}

std::string post(std::size_t size) {
  return "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

/// Reads a body and sends it back in pieces, as far as it can go each time.
class Echo {
 public:
  void go_on(Exchange& exchange) {
    State& state = running_[&exchange];
    if (!state.read && !read(exchange, state)) return;
    while (state.sent < state.body.size()) {
      const std::string_view piece = std::string_view(state.body).substr(state.sent, kPiece);
      const Sent sent = exchange.send(piece, false);
      if (sent == Sent::must_wait) {
        ++output_waits_;
        return;
      }
      if (sent != Sent::ok) break;
      state.sent += piece.size();
    }
    running_.erase(&exchange);
    exchange.finish();
  }
  int body_waits() const { return body_waits_; }
  int output_waits() const { return output_waits_; }

 private:
  struct State {
    std::string body;
    std::size_t sent = 0;
    bool read = false;
  };

  bool read(Exchange& exchange, State& state) {
    std::vector<char> room(kPiece);
    for (;;) {
      const ssize_t n = exchange.read_body(room);
      if (n == Exchange::kMustWait) {
        ++body_waits_;
        return false;
      }
      if (n < 0) {
        running_.erase(&exchange);
        exchange.fail();
        return false;
      }
      if (n == 0) break;
      state.body.append(room.data(), static_cast<std::size_t>(n));
    }
    state.read = true;
    exchange.start("200 OK", {});
    return true;
  }

  std::map<Exchange*, State> running_;
  std::atomic<int> body_waits_{0};
  std::atomic<int> output_waits_{0};
};

TEST(EventLoop, ServesRequestsThatOverlap) {
  std::vector<Exchange*> held;
  TestServer server(
      [&](Exchange& exchange) {
        held.push_back(&exchange);
        if (held.size() < 20) return;
        for (Exchange* one : held) answer(*one, "all are here");
        held.clear();
      },
      event_loop);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.port());
  for (int round = 0; round < 5; ++round) {
    for (Client& client : clients) client.get("/");
    for (Client& client : clients) EXPECT_EQ(client.read_response().body, "all are here");
  }
}

TEST(EventLoop, ReadsBodiesAsTheyComeAndWaitsForNone) {
  Echo echo;
  TestServer server([&](Exchange& exchange) { echo.go_on(exchange); },
                    [](net::ServerConfig& config) {
                      event_loop(config);
                      config.memory_limit = kPiece;
                    });
  constexpr std::size_t kSize = 10 * kPiece;
  Client slow(server.port());
  slow.send(post(kSize) + std::string(kSize / 2, 'a'));
  while (echo.body_waits() == 0) std::this_thread::yield();
  Client quick(server.port());
  quick.send(post(3) + "abc");
  EXPECT_EQ(quick.read_response().body, "abc");
  slow.send(std::string(kSize - kSize / 2, 'b'));
  EXPECT_EQ(slow.read_response().body, std::string(kSize / 2, 'a') + std::string(kSize - kSize / 2, 'b'));
}

TEST(EventLoop, IsToldWhenABodyBreaks) {
  Echo echo;
  TestServer server([&](Exchange& exchange) { echo.go_on(exchange); },
                    [](net::ServerConfig& config) {
                      event_loop(config);
                      config.memory_limit = kPiece;
                    });
  Client client(server.port());
  client.send(post(10 * kPiece) + std::string(2 * kPiece, 'a'));
  while (echo.body_waits() == 0) std::this_thread::yield();
  client.shut_down_sending();
  EXPECT_EQ(client.read_response().status, 500);
}

TEST(EventLoop, WaitsForASlowReaderWithoutBlocking) {
  Echo echo;
  TestServer server([&](Exchange& exchange) { echo.go_on(exchange); },
                    [](net::ServerConfig& config) {
                      event_loop(config);
                      config.memory_limit = config.spool_limit = kPiece;
                    });
  const std::string body(std::size_t{8} << 20, 'x');
  Client slow(server.port());
  slow.send(post(body.size()) + body);
  while (echo.output_waits() == 0) std::this_thread::yield();
  Client quick(server.port());
  quick.send(post(3) + "abc");
  EXPECT_EQ(quick.read_response().body, "abc");
  EXPECT_TRUE(slow.read_response().body == body);
}

TEST(EventLoop, IsToldWhenASlowReaderLeaves) {
  Echo echo;
  TestServer server([&](Exchange& exchange) { echo.go_on(exchange); },
                    [](net::ServerConfig& config) {
                      event_loop(config);
                      config.memory_limit = config.spool_limit = kPiece;
                    });
  const std::string body(std::size_t{8} << 20, 'x');
  Client slow(server.port());
  slow.send(post(body.size()) + body);
  while (echo.output_waits() == 0) std::this_thread::yield();
  slow.reset();
  server.server().drain();
  server.join();  // the request has ended, else this would take graceful_timeout
  EXPECT_LT(echo.output_waits(), 1000);
}

TEST(EventLoop, OtherThreadsBlockInstead) {
  std::vector<std::thread> threads;
  TestServer server([&](Exchange& exchange) { threads.emplace_back([&] { hello_or_echo(exchange); }); },
                    [](net::ServerConfig& config) {
                      event_loop(config);
                      config.memory_limit = config.spool_limit = kPiece;
                    });
  const std::string body(std::size_t{2} << 20, 'x');
  Client client(server.port());
  client.send(post(body.size()) + body.substr(0, 5 * kPiece));
  std::thread sender([&] { client.send(std::string_view(body).substr(5 * kPiece)); });
  EXPECT_TRUE(client.read_response().body == body);
  sender.join();
  server.server().stop();
  server.join();
  for (std::thread& thread : threads) thread.join();
}

TEST(ExecutorQueue, NeverLetsAnEventLoopSleepOverARequest) {
  net::ForkGuard guard;
  net::Mailbox mailbox(guard);
  net::ExecutorQueue queue(mailbox);
  queue.use_event_loop(guard);
  constexpr int kRequests = 20000;
  std::array<char, kRequests> requests{};
  std::thread io([&] {
    for (int i = 0; i < kRequests; ++i) {
      auto* exchange =
          reinterpret_cast<Exchange*>(&requests[static_cast<std::size_t>(i)]);  // never used as one
      i % 3 == 0 ? queue.resume(exchange) : queue.push({exchange});
      if (i % 2 == 0 || i + 1 == kRequests) queue.end_turn();
    }
  });
  int taken = 0;
  pollfd ready{queue.ready_fd(), POLLIN, 0};
  while (taken < kRequests && ::poll(&ready, 1, 10000) == 1) {
    while (queue.take_ready().exchange != nullptr) ++taken;
  }
  io.join();
  EXPECT_EQ(taken, kRequests);
  EXPECT_EQ(queue.take_ready().kind, Ready::Kind::nothing);
}

}  // namespace
}  // namespace gserve::test
