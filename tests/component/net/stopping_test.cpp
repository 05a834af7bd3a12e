// SPDX-License-Identifier: MIT
// Signals, drain and stop.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/scoreboard.h"
#include "common/unique_fd.h"
#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

using net::Seconds;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return Seconds(Clock::now() - start).count();
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  void put(int number) const {
    const char byte = static_cast<char>(number);
    [[maybe_unused]] const ssize_t n = ::write(write.get(), &byte, 1);
  }
  UniqueFd read;
  UniqueFd write;
};

TEST(Drain, OfAnUnusedServerEndsAtOnce) {
  TestServer server;
  const auto start = Clock::now();
  server.server().drain();
  server.join();
  EXPECT_LT(seconds_since(start), 2);
  EXPECT_GE(seconds_since(start), 0.02);  // the accept queue must have been quiet
}

TEST(Drain, AnswersWhatWasAcceptedAndWhatTheQueueHolds) {
  Gate gate;
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/gate") gate.pass();
    answer(exchange, exchange.head().path);
  });
  Client first(server.port());
  first.get("/gate");
  gate.wait_until_reached();
  std::vector<Client> waiting;
  for (int i = 0; i < 30; ++i) waiting.emplace_back(server.port()).get("/" + std::to_string(i));
  server.server().drain();
  gate.open();
  EXPECT_EQ(first.read_response().body, "/gate");
  for (int i = 0; i < 30; ++i) {
    const Response response = waiting[static_cast<std::size_t>(i)].read_response();
    EXPECT_EQ(response.body, "/" + std::to_string(i));
    EXPECT_EQ(response.fields.at("connection"), "close");
    EXPECT_TRUE(waiting[static_cast<std::size_t>(i)].closed());
    EXPECT_FALSE(waiting[static_cast<std::size_t>(i)].was_reset());
  }
  server.join();
}

TEST(Drain, AnswersARequestOnAnIdleConnectionWithCloseDuringTheGrace) {
  TestServer server;
  Client client(server.port());
  client.get("/hello");
  client.read_response();
  server.server().drain();
  client.get("/hello");
  const Response response = client.read_response();
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.fields.at("connection"), "close");
  EXPECT_TRUE(client.closed());
  server.join();
}

TEST(Drain, ClosesIdleAndSilentConnectionsAfterTheGrace) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.keep_alive = Seconds(0.2); });
  Client idle(server.port());
  idle.get("/hello");
  idle.read_response();
  Client silent(server.port());
  server.server().drain();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(silent.closed());
  EXPECT_FALSE(idle.was_reset());
  EXPECT_FALSE(silent.was_reset());
  server.join();
}

TEST(Drain, UnderLoadLosesNoRequest) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.executors = 2; });
  std::atomic<int> asked{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      Client client(server.port());
      for (;;) {
        ++asked;
        client.get("/hello");
        const Response response = client.read_response();
        if (!response.whole || response.body != "hello") ++lost;
        if (!response.whole || response.fields.at("connection") == "close") return;
      }
    });
  }
  while (asked < 2000) std::this_thread::yield();
  server.server().drain();
  for (std::thread& client : clients) client.join();
  server.join();
  EXPECT_EQ(lost, 0);
}

TEST(Drain, StartsByItselfAfterMaxRequests) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.max_requests = 3; });
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.get("/hello");
    EXPECT_EQ(client.read_response().body, "hello");
  }
  server.join();
  EXPECT_GE(server.server().stop_state(), net::StopState::draining);
}

/// The supervisor's end of a worker's notify socket, and the worker's.
struct Notices {
  Notices() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  /// The next datagram, waited for.
  std::string next() const {
    pollfd watched{ours.get(), POLLIN, 0};
    if (::poll(&watched, 1, 20000) <= 0) return "nothing";
    char text[64];
    const ssize_t size = ::recv(ours.get(), text, sizeof text, 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  void ask_after(net::ServerConfig& config, std::uint64_t requests) const {
    config.max_requests = requests;
    config.notify = theirs.get();
    config.recycle_notice = "replace me";
  }
  UniqueFd ours;
  UniqueFd theirs;
};

TEST(Recycle, IsAskedForOnceAndServesOn) {
  const Notices notices;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) { notices.ask_after(config, 3); });
  Client client(server.port());
  for (int i = 0; i < 9; ++i) {
    client.get("/hello");
    EXPECT_EQ(client.read_response().body, "hello");
  }
  EXPECT_EQ(notices.next(), "replace me");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(server.server().stop_state(), net::StopState::running);
  char byte;
  EXPECT_LT(::recv(notices.ours.get(), &byte, 1, 0), 0) << "a second notice";
  server.server().drain();
  server.join();
}

TEST(Recycle, IsAskedForAgainWhenTheSupervisorCannotTakeMore) {
  const Notices notices;
  int others = 0;
  while (::send(notices.theirs.get(), "x", 1, MSG_DONTWAIT) == 1) ++others;
  ASSERT_GT(others, 0);
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) { notices.ask_after(config, 1); });
  Client client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  for (int i = 0; i < others; ++i) EXPECT_EQ(notices.next(), "x");
  EXPECT_EQ(notices.next(), "replace me");
  server.server().drain();
  server.join();
}

TEST(Drain, LetsALargeAnswerReachASlowReader) {
  const std::string body(std::size_t{16} << 20, 'x');
  TestServer server([&](net::Exchange& exchange) { answer(exchange, body); });
  Client client(server.port());
  client.get("/");
  ASSERT_TRUE(client.readable(20000));
  server.server().drain();
  EXPECT_EQ(client.read_response().body.size(), body.size());
  server.join();
}

TEST(Stop, LetsARunningRequestFinishAndDropsQueuedOnes) {
  Gate gate;
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/gate") gate.pass();
    answer(exchange, "finished");
  });
  Client idle(server.port());
  idle.get("/");
  idle.read_response();
  Client queued(server.port());
  queued.get("/");
  queued.read_response();
  Client running(server.port());
  running.get("/gate");
  gate.wait_until_reached();
  queued.get("/");
  server.server().stop();
  EXPECT_TRUE(idle.closed());  // so the I/O thread has begun to stop
  gate.open();
  EXPECT_EQ(running.read_response().body, "finished");
  EXPECT_FALSE(queued.read_response().whole);
  server.join();
}

TEST(Stop, IsNotTakenBackByALaterDrain) {
  TestServer server;
  server.server().stop();
  server.server().drain();
  EXPECT_EQ(server.server().stop_state(), net::StopState::stopping);
  server.join();
}

TEST(Signals, InterruptTheMainExecutorAndNobodyElse) {
  const Pipe pipe;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.signal_wakeup = pipe.read.get();
    config.executors = 3;
  });
  pipe.put(SIGHUP);
  for (int i = 0; i < 2000 && server.interruptions() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(server.interruptions(), 1);
  EXPECT_EQ(server.server().stop_state(), net::StopState::running);
}

TEST(Signals, AreNotLostAroundGoingIdle) {
  const Pipe pipe;
  TestServer server(hello_or_echo,
                    [&](net::ServerConfig& config) { config.signal_wakeup = pipe.read.get(); });
  Client client(server.port());
  for (int i = 1; i <= 500; ++i) {
    client.get("/hello");
    pipe.put(SIGHUP);
    ASSERT_EQ(client.read_response().body, "hello");
    for (int wait = 0; wait < 20000 && server.interruptions() < i; ++wait)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    ASSERT_EQ(server.interruptions(), i);
  }
}

TEST(Signals, TermDrains) {
  const Pipe pipe;
  TestServer server(hello_or_echo,
                    [&](net::ServerConfig& config) { config.signal_wakeup = pipe.read.get(); });
  pipe.put(SIGTERM);
  server.join();
}

TEST(Signals, IntStopsADrain) {
  const Pipe pipe;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.signal_wakeup = pipe.read.get();
    config.header_timeout = Seconds(1000);
  });
  Client unfinished(server.port());
  unfinished.send("GET / HT");
  pipe.put(SIGTERM);
  EXPECT_FALSE(unfinished.readable(400));
  pipe.put(SIGINT);
  EXPECT_TRUE(unfinished.closed());
  server.join();
}

class Scoreboard : public ::testing::Test {
 protected:
  std::unique_ptr<scoreboard::Layout> layout_ = std::make_unique<scoreboard::Layout>();
  scoreboard::Sample sample() { return scoreboard::read(*layout_).value(); }
};

TEST_F(Scoreboard, ShowsARunningRequestAndCountsAnswers) {
  Gate gate;
  TestServer server(
      [&](net::Exchange& exchange) {
        gate.pass();
        exchange.fail();
      },
      [&](net::ServerConfig& config) { config.scoreboard = layout_.get(); });
  Client client(server.port());
  client.get("/watched");
  gate.wait_until_reached();
  const scoreboard::Sample during = sample();
  EXPECT_EQ(during.state, scoreboard::WorkerState::serving);
  EXPECT_EQ(during.in_flight, 1U);
  ASSERT_EQ(during.running.size(), 1U);
  EXPECT_EQ(during.running[0].line, "GET /watched HTTP/1.1");
  gate.open();
  EXPECT_EQ(client.read_response().status, 500);
  server.server().drain();
  server.join();
  const scoreboard::Sample after = sample();
  EXPECT_EQ(after.state, scoreboard::WorkerState::draining);
  EXPECT_EQ(after.in_flight, 0U);
  EXPECT_EQ(after.requests, 1U);
  EXPECT_EQ(after.errors, 1U);
  EXPECT_EQ(after.connections, 1U);
}

}  // namespace
}  // namespace gserve::test
