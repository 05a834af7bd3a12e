// SPDX-License-Identifier: MIT
// What the supervisor says on the lifeline, and its end.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "common/scoreboard.h"
#include "common/unique_fd.h"
#include "tests/component/net/client.h"
#include "tests/component/net/lifeline.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

using net::Seconds;

TEST(LifelineEnd, Drains) {
  Lifeline lifeline;
  TestServer server(hello_or_echo,
                    [&](net::ServerConfig& config) { config.lifeline = lifeline.worker.get(); });
  lifeline.supervisor.reset();
  server.join();
  EXPECT_NE(server.log().find("[WARNING] the supervisor is gone: draining"), std::string::npos);
}

TEST(LifelineEndDeathTest, EndsTheProcessWhenTheApplicationNeverReturns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Lifeline lifeline;
        Gate never;
        TestServer server([&](net::Exchange&) { never.pass(); },
                          [&](net::ServerConfig& config) {
                            config.lifeline = lifeline.worker.get();
                            config.graceful_timeout = Seconds(0.1);
                            config.error_log = STDERR_FILENO;
                          });
        Client client(server.port());
        client.get("/");
        never.wait_until_reached();
        lifeline.supervisor.reset();
        ::sleep(60);
      },
      ::testing::ExitedWithCode(1), "ending now");
}

TEST(LifelineLogs, ReplaceBothLogsAndLeakNothing) {
  Lifeline lifeline;
  const UniqueFd access = temporary_file();
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.lifeline = lifeline.worker.get();
    config.access_log = access.get();
  });
  Client client(server.port());
  client.get("/hello?old");
  client.read_response();
  ASSERT_TRUE(wait_for_text(access.get(), "/hello?old"));
  const UniqueFd new_error = temporary_file();
  const UniqueFd new_access = temporary_file();
  const int before = open_descriptors();
  lifeline.say("logs", {new_error.get(), new_access.get()});
  ASSERT_TRUE(wait_for_text(new_error.get(), "log files reopened"));
  client.get("/hello?new");
  client.read_response();
  EXPECT_TRUE(wait_for_text(new_access.get(), "/hello?new"));
  EXPECT_EQ(contents(new_access.get()).find("?old"), std::string::npos);
  EXPECT_EQ(open_descriptors(), before);
}

/// Waits until `holds()`, for 10 s at most. Whether it does.
template <typename Condition>
bool comes_true(Condition holds) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A server whose supervisor is the test. /gate waits there, everything else is answered at once.
class LifelineTest : public ::testing::Test {
 protected:
  using Change = std::function<void(net::ServerConfig&)>;

  TestServer& start(const Change& change = {}) {
    server_.emplace(
        [this](net::Exchange& exchange) {
          if (exchange.head().path == "/gate") gate_.pass();
          answer(exchange, "answered");
        },
        [this, &change](net::ServerConfig& config) {
          config.lifeline = lifeline_.worker.get();
          config.scoreboard = layout_.get();
          listener_ = config.listeners.front();
          if (change) change(config);
        });
    return *server_;
  }

  /// Says `word` and waits until the worker has read it: a last word that it must answer.
  void tell(std::string_view word) {
    lifeline_.say(word);
    const UniqueFd log(::dup(server_->log_fd()));
    lifeline_.say("logs", {log.get()});
    ASSERT_TRUE(wait_for_text(server_->log_fd(), "log files reopened", ++told_));
  }

  Client hold() {
    Client client(server_->port());
    client.get("/gate");
    gate_.wait_until_reached();
    return client;
  }

  Client idle() {
    Client client(server_->port());
    client.get("/");
    EXPECT_EQ(client.read_response().body, "answered");
    return client;
  }

  void expect_last_answer(Client& client) {
    const Response response = client.read_response();
    EXPECT_EQ(response.body, "answered");
    EXPECT_EQ(response.fields.at("connection"), "close");
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.was_reset());
  }

  void expect_kept_answer(Client& client) {
    const Response response = client.read_response();
    EXPECT_EQ(response.body, "answered");
    EXPECT_EQ(response.fields.at("connection"), "keep-alive");
  }

  void wait_for_state(scoreboard::WorkerState state) {
    ASSERT_TRUE(comes_true([&] { return scoreboard::read(*layout_).value().state == state; }));
  }

  Lifeline lifeline_;
  std::unique_ptr<scoreboard::Layout> layout_ = std::make_unique<scoreboard::Layout>();
  Gate gate_;
  int listener_ = -1;
  int told_ = 0;
  std::optional<TestServer> server_;
};

using Rest = LifelineTest;
using Promotion = LifelineTest;

TEST_F(Rest, LeavesNewConnectionsToASibling) {
  start();
  tell("rest");
  Client first(server_->port());
  first.get("/");
  EXPECT_FALSE(first.readable(100));
  TestServer sibling([](net::Exchange& exchange) { answer(exchange, "sibling"); },
                     [this](net::ServerConfig& config) { config.listeners = {listener_}; });
  EXPECT_EQ(first.read_response().body, "sibling");
  for (int i = 0; i < 20; ++i) {
    Client other(server_->port());
    other.get("/");
    EXPECT_EQ(other.read_response().body, "sibling");
  }
}

TEST_F(Rest, EndsWithServe) {
  start();
  for (int round = 0; round < 3; ++round) {
    tell("rest");
    tell("rest");
    Client waiting(server_->port());
    waiting.get("/");
    EXPECT_FALSE(waiting.readable(30));
    tell("serve");
    tell("serve");
    for (int i = 0; i < 3; ++i) {
      expect_kept_answer(waiting);
      waiting.get("/");
    }
  }
}

TEST_F(Rest, AnswersWhatHasBegunWithClose) {
  start();
  Client half_sent = idle();
  half_sent.send("GET / HTTP/1.1\r\n");
  Client running = hold();
  tell("rest");
  gate_.open();
  expect_last_answer(running);
  half_sent.send("Host: t\r\n\r\n");
  expect_last_answer(half_sent);
}

TEST_F(Rest, GivesIdleConnectionsTheGraceOfADrain) {
  start();
  Client asks = idle();
  Client silent = idle();
  Client fresh(server_->port());
  idle();  // connected after `fresh`: that one has been accepted
  tell("rest");
  asks.get("/");
  expect_last_answer(asks);
  EXPECT_TRUE(silent.closed());
  EXPECT_FALSE(silent.was_reset());
  EXPECT_TRUE(fresh.closed());
  EXPECT_FALSE(fresh.was_reset());
}

/// The grace is over before the answer, and was for idle connections only.
TEST_F(Rest, LetsARequestRunForLongerThanTheGrace) {
  start([](net::ServerConfig& config) { config.keep_alive = Seconds(0.1); });
  Client running = hold();
  tell("rest");
  EXPECT_FALSE(running.readable(300));
  gate_.open();
  expect_last_answer(running);
}

TEST_F(Rest, GivesBackTheirTimeToConnectionsThatAreIdleWhenItEnds) {
  start();
  Client kept = idle();
  tell("rest");
  tell("serve");
  EXPECT_FALSE(kept.readable(1300));  // the grace is at most 1 s
  kept.get("/");
  expect_kept_answer(kept);
}

/// How often the I/O thread has gone to sleep.
std::uint64_t io_thread_wakeups() {
  DIR* tasks = ::opendir("/proc/self/task");
  std::uint64_t found = 0;
  while (const dirent* entry = ::readdir(tasks)) {
    const std::string task = std::string("/proc/self/task/") + entry->d_name;
    std::string word;
    std::getline(std::ifstream(task + "/comm"), word);
    if (word != "gserve-io") continue;
    std::ifstream status(task + "/status");
    while (status >> word) {
      if (word == "voluntary_ctxt_switches:") status >> found;
    }
  }
  ::closedir(tasks);
  return found;
}

/// Holds the I/O thread back, at a message of no meaning, until it finds "rest" and a connection at once.
TEST_F(Rest, AcceptsFirstWhatItWasWokenFor) {
  start();
  server_->server().before_fork();
  const std::uint64_t before = io_thread_wakeups();
  lifeline_.say("nothing");
  EXPECT_TRUE(comes_true([&] { return io_thread_wakeups() > before; }));  // it waits for us
  lifeline_.say("rest");
  Client client(server_->port());
  client.get("/");
  server_->server().after_fork_in_parent();
  EXPECT_EQ(client.read_response().body, "answered");
}

TEST_F(Rest, SleepsWithoutWakingUp) {
  start([](net::ServerConfig& config) { config.keep_alive = Seconds(0.1); });
  Client client = idle();
  Client running = hold();
  tell("rest");
  gate_.open();
  expect_last_answer(running);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(comes_true([] {  // what has been closed is cleared away
    const std::uint64_t seen = io_thread_wakeups();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return seen > 0 && io_thread_wakeups() == seen;
  }));
  const std::uint64_t before = io_thread_wakeups();
  Client unanswered(server_->port());
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // that nothing happens takes a while to see
  EXPECT_EQ(io_thread_wakeups(), before);
}

TEST_F(Rest, DrainsWithoutAcceptingMore) {
  start();
  Client kept = idle();
  tell("rest");
  Client waiting(server_->port());
  waiting.get("/");
  server_->server().drain();
  server_->join();
  EXPECT_TRUE(kept.closed());
  EXPECT_FALSE(waiting.readable(0));
  EXPECT_EQ(layout_->header.connections, 1U);
}

TEST_F(Rest, IsNotEndedInADrain) {
  start();
  Client kept = idle();
  Client running = hold();
  tell("rest");
  server_->server().drain();
  wait_for_state(scoreboard::WorkerState::draining);
  tell("serve");
  Client late(server_->port());
  late.get("/");
  EXPECT_TRUE(kept.closed()) << "its time is that of a drain";
  gate_.open();
  expect_last_answer(running);
  server_->join();
  EXPECT_FALSE(late.readable(0));
}

TEST_F(Rest, KeepsToMaxRequests) {
  start([](net::ServerConfig& config) { config.max_requests = 1; });
  Client running = hold();
  tell("rest");
  gate_.open();
  expect_last_answer(running);
  server_->join();
}

TEST_F(Rest, DrainsWhenTheSupervisorIsGone) {
  start();
  tell("rest");
  lifeline_.supervisor.reset();
  server_->join();
}

bool same_file(int one, int other) {
  struct stat a {};
  struct stat b {};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

/// Whether nobody holds the other end, soon.
bool has_ended(int socket) {
  pollfd watched{socket, POLLIN, 0};
  char byte;
  return ::poll(&watched, 1, 20000) == 1 && ::recv(socket, &byte, 1, MSG_DONTWAIT) == 0;
}

TEST_F(Promotion, DrainsAndLeavesTheControlSocket) {
  start();
  Client running = hold();
  const Lifeline control;
  lifeline_.say("template", {control.worker.get()});
  wait_for_state(scoreboard::WorkerState::draining);
  gate_.open();
  expect_last_answer(running);
  server_->join();
  const UniqueFd taken(server_->server().take_promotion().value_or(-1));
  EXPECT_TRUE(same_file(taken.get(), control.worker.get()));
  EXPECT_NE(::fcntl(taken.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(server_->server().take_promotion(), std::nullopt);
  server_.reset();
  EXPECT_TRUE(same_file(taken.get(), control.worker.get())) << "it is not the server's any more";
}

TEST_F(Promotion, OfAWorkerThatRests) {
  start();
  tell("rest");
  const Lifeline control;
  lifeline_.say("template", {control.worker.get()});
  server_->join();
  const UniqueFd taken(server_->server().take_promotion().value_or(-1));
  EXPECT_TRUE(taken);
}

TEST_F(Promotion, WithoutAControlSocketIsTold) {
  start();
  lifeline_.say("template");
  server_->join();
  EXPECT_EQ(server_->server().take_promotion(), -1);
}

TEST_F(Promotion, IsIgnoredInADrain) {
  start();
  Client running = hold();
  server_->server().drain();
  wait_for_state(scoreboard::WorkerState::draining);
  Lifeline control;
  lifeline_.say("template", {control.worker.get()});
  control.worker.reset();
  EXPECT_TRUE(has_ended(control.supervisor.get()));
  gate_.open();
  expect_last_answer(running);
  server_->join();
  EXPECT_EQ(server_->server().take_promotion(), std::nullopt);
}

TEST_F(Promotion, LeavesNoControlSocketInAServerThatEnds) {
  start();
  Lifeline control;
  lifeline_.say("template", {control.worker.get()});
  control.worker.reset();
  server_->join();
  server_.reset();
  EXPECT_TRUE(has_ended(control.supervisor.get()));
}

TEST_F(Promotion, IsNotAskedForByItself) {
  start();
  idle();
  server_->server().drain();
  server_->join();
  EXPECT_EQ(server_->server().take_promotion(), std::nullopt);
}

}  // namespace
}  // namespace gserve::test
