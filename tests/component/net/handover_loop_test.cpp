// SPDX-License-Identifier: MIT
// Workers with an event loop: what a loop that is stuck in a request does not take goes to another worker.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "common/scoreboard.h"
#include "tests/component/net/handover_pool.h"
#include "tests/component/net/tls_client.h"

namespace gserve::test {
namespace {

using net::Exchange;

void event_loop(net::ServerConfig& config) {
  config.event_loop = true;
  config.executors = 1000;
}

/// A pool of workers with event loops, and a scoreboard for each.
class LoopHandover : public ::testing::Test {
 protected:
  TestServer& add(const std::function<void(net::ServerConfig&)>& change = {}) {
    boards.push_back(std::make_unique<scoreboard::Layout>());
    return pool.add([&](net::ServerConfig& config) {
      event_loop(config);
      config.scoreboard = boards.back().get();
      if (change) change(config);
    });
  }
  /// A connection that has had an answer of worker `index`.
  Client kept_alive(std::size_t index) {
    Client client(pool.worker(index).port());
    client.get("/a");
    EXPECT_EQ(client.read_response().body, std::to_string(index) + " /a ");
    return client;
  }
  std::uint64_t connections(std::size_t index) const { return scoreboard::read(*boards[index])->connections; }
  /// Whether worker `index` accepts a new connection soon. It says no too early only on a machine that stalls.
  bool accepts(std::size_t index, std::vector<Client>& clients) {
    const std::uint64_t before = connections(index);
    clients.emplace_back(pool.worker(index).port());
    for (int i = 0; i < 50 && connections(index) == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return connections(index) > before;
  }
  /// Whether worker `index` is found to have left its listener, after a few connections at most.
  bool leaves_listener(std::size_t index, std::vector<Client>& clients) {
    for (int i = 0; i < 50; ++i) {
      if (!accepts(index, clients)) return true;
    }
    return false;
  }

  std::vector<std::unique_ptr<scoreboard::Layout>> boards;
  Pool pool{0};
};

TEST_F(LoopHandover, NewConnectionBehindAStuckLoopIsServedByASibling) {
  add();
  Client fresh(pool.worker(0).port());  // accepted before the next one
  Client busy = pool.occupy(0);
  add();
  fresh.get("/a");
  EXPECT_EQ(fresh.read_response().body, "1 /a ");
}

TEST_F(LoopHandover, KeptAliveConnectionsBehindAStuckLoopAreServedByASibling) {
  add();
  std::vector<Client> kept;
  for (int i = 0; i < 40; ++i) kept.push_back(kept_alive(0));
  Client busy = pool.occupy(0);
  add();
  for (Client& client : kept) client.get("/b");
  for (Client& client : kept) EXPECT_EQ(client.read_response().body, "1 /b ");
  pool.open_gates();
  EXPECT_EQ(busy.read_response().body, "0 /gate ");
}

TEST_F(LoopHandover, LoopThatIsBackServesWhatWaitsElsewhere) {
  add();
  Client kept = kept_alive(0);
  Client busy0 = pool.occupy(0);
  add();
  kept.get("/b");
  EXPECT_EQ(kept.read_response().body, "1 /b ");
  Client busy1 = pool.occupy(1);
  kept.get("/c");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  pool.open_gate(0);
  EXPECT_EQ(kept.read_response().body, "0 /c ");
}

TEST_F(LoopHandover, StuckLoopLeavesItsListenerUntilItIsBack) {
  add();
  Client kept = kept_alive(0);
  Client busy = pool.occupy(0);
  kept.get("/b");  // from now on it is known to be stuck
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  std::vector<Client> fresh;
  EXPECT_TRUE(leaves_listener(0, fresh));
  pool.open_gates();
  for (Client& client : fresh) {
    client.get("/c");
    EXPECT_EQ(client.read_response().body, "0 /c ");
  }
  EXPECT_EQ(kept.read_response().body, "0 /b ");
}

TEST_F(LoopHandover, StuckLoopIsFoundOutBeforeMoreThanAFewEncryptedConnectionsAreItsOwn) {
  const Identity identity = make_identity("test");
  add([&](net::ServerConfig& config) { config.tls = material_for(identity); });
  TlsClient busy(pool.worker(0).port());
  busy.get("/gate");
  ASSERT_TRUE(wait_until([&] { return scoreboard::read(*boards[0])->in_flight == 1; }));
  std::vector<Client> fresh;  // they say nothing
  EXPECT_TRUE(leaves_listener(0, fresh));
  pool.open_gates();
  EXPECT_EQ(busy.read_response().body, "0 /gate ");
}

TEST_F(LoopHandover, DrainingLoopLeavesNothingBehind) {
  add();
  std::vector<Client> kept;
  for (int i = 0; i < 5; ++i) kept.push_back(kept_alive(0));
  Client busy = pool.occupy(0);
  for (Client& client : kept) client.get("/b");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  pool.worker(0).server().drain();
  busy.shut_down_sending();
  pool.open_gates();
  for (Client& client : kept) EXPECT_EQ(client.read_response().body, "0 /b ");
  pool.worker(0).join();
  EXPECT_FALSE(queue_holds_something(pool.queue));
}

/// Requests hold the loops for up to 4 ms, so that many move, some of them several times.
TEST(LoopHandoverUnderLoad, EveryRequestIsAnsweredOnceByOneOfTheLoops) {
  Pair queue;
  std::vector<std::unique_ptr<TestServer>> workers;
  for (int number = 0; number < 3; ++number) {
    auto random = std::make_shared<std::minstd_rand>(static_cast<unsigned>(number + 1));
    const auto application = [number, random](Exchange& exchange) {
      if ((*random)() % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds((*random)() % 4000));
      answer(exchange, std::to_string(number) + std::string(exchange.head().path));
    };
    workers.push_back(std::make_unique<TestServer>(application, [&](net::ServerConfig& config) {
      event_loop(config);
      config.handover_out = queue.out.get();
      config.handover_in = queue.in.get();
    }));
  }
  constexpr int kClients = 12, kRounds = 60;
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(workers[0]->port());  // the others get what moves
  std::array<std::atomic<int>, 3> answers{};
  int wrong = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string path = "/" + std::to_string(round);
    for (Client& client : clients) client.get(path);
    for (Client& client : clients) {
      const std::string body = client.read_response().body;
      if (body.empty() || body.substr(1) != path)
        ++wrong;
      else
        ++answers.at(static_cast<std::size_t>(body[0] - '0'));
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(answers[0] + answers[1] + answers[2], kClients * kRounds);
  EXPECT_GT(answers[1] + answers[2], 0);
}

}  // namespace
}  // namespace gserve::test
