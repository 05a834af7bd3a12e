// SPDX-License-Identifier: MIT
// Connections that go from one worker to another.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>

#include "common/scoreboard.h"
#include "tests/component/net/handover_pool.h"
#include "tests/component/net/lifeline.h"
#include "worker/http/handover_message.h"

namespace gserve::test {
namespace {

using net::Seconds;
using Clock = std::chrono::steady_clock;

bool all_is_read(int socket) {
  int unread = 0;
  return ::ioctl(socket, SIOCOUTQ, &unread) == 0 && unread == 0;
}

TEST(Handover, NewConnectionBehindABusyWorkerIsServedByASibling) {
  Pool pool(1);
  Client fresh(pool.worker(0).port());  // accepted before the next one
  Client busy = pool.occupy(0);
  pool.add();
  fresh.get("/a");
  EXPECT_EQ(fresh.read_response().body, "1 /a ");
}

TEST(Handover, KeptAliveConnectionBehindABusyWorkerIsServedByASibling) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  EXPECT_EQ(kept.read_response().body, "0 /a ");
  Client busy = pool.occupy(0);
  pool.add();
  kept.get("/b");
  EXPECT_EQ(kept.read_response().body, "1 /b ");
  kept.get("/c");  // it stays where it is now
  EXPECT_EQ(kept.read_response().body, "1 /c ");
  pool.open_gates();
  EXPECT_EQ(busy.read_response().body, "0 /gate ");
}

TEST(Handover, TakesBodyAndWhatFollowsAlong) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  pool.add();
  const std::string length = "POST /length HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody";
  const std::string chunked =
      "POST /chunks HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\nch\r\n3\r\nunk\r\n0\r\n\r\n";
  kept.send(length + chunked + "GET /last HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(kept.read_response().body, "1 /length body");
  EXPECT_EQ(kept.read_response().body, "1 /chunks chunk");
  EXPECT_EQ(kept.read_response().body, "1 /last ");
}

TEST(Handover, BodyThatCameInPiecesMovesDecoded) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  Client busy = pool.occupy(0);
  pool.add();
  kept.send("POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  ::poll(nullptr, 0, 20);
  kept.send("1\r\nc\r\n0\r\n\r\n");
  EXPECT_EQ(kept.read_response().body, "1 /p abc");
}

TEST(Handover, LargeBodiesStay) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  pool.add();
  const std::string body(http::kMostHanded, 'x');
  kept.send("POST /b HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
            body);
  EXPECT_FALSE(kept.readable(50));
  pool.open_gate(0);
  EXPECT_EQ(kept.read_response().body, "0 /b " + body);
}

TEST(Handover, EndpointsArriveAsTheyWere) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  TestServer sibling(
      [](net::Exchange& exchange) {
        const net::Endpoint &peer = exchange.peer(), &local = exchange.local();
        answer(exchange, peer.address + " " + peer.port + " to " + local.address + " " + local.port);
      },
      [&](net::ServerConfig& config) {
        config.handover_out = pool.queue.out.get();
        config.handover_in = pool.queue.in.get();
      });
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(kept.fd(), reinterpret_cast<sockaddr*>(&address), &size);
  kept.get("/b");
  EXPECT_EQ(kept.read_response().body, "127.0.0.1 " + std::to_string(ntohs(address.sin_port)) +
                                           " to 127.0.0.1 " + std::to_string(pool.worker(0).port()));
}

TEST(Handover, ClientThatAProxyHasAnnouncedStaysTheOne) {
  const auto proxied = [](net::ServerConfig& config) {
    config.proxy_protocol = http::ProxyMode::either;
    config.proxy_allow_ips.add("127.0.0.1");
  };
  Pool pool(1, proxied);
  Client kept(pool.worker(0).port()), local(pool.worker(0).port());
  kept.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n");
  local.send("PROXY UNKNOWN\r\n");
  for (Client* client : {&kept, &local}) {
    client->get("/a");
    client->read_response();
  }
  Client busy = pool.occupy(0);
  TestServer sibling(
      [](net::Exchange& exchange) {
        const http::ProxyHeader* header = exchange.proxy_header();
        std::string who = exchange.peer().address + " by " + exchange.connected().address;
        if (header != nullptr) who += " " + std::string(header->protocol) + " to " + header->destination;
        answer(exchange, who);
      },
      [&](net::ServerConfig& config) {
        proxied(config);
        config.handover_out = pool.queue.out.get();
        config.handover_in = pool.queue.in.get();
      });
  for (const std::string_view path : {"/b", "/c"}) {  // the second time no header is expected there
    kept.get(path);
    EXPECT_EQ(kept.read_response().body, "192.0.2.7 by 127.0.0.1 TCP4 to 10.0.0.1");
  }
  local.get("/b");
  EXPECT_EQ(local.read_response().body, "127.0.0.1 by 127.0.0.1 UNKNOWN to ");
}

TEST(Handover, WaitsInTheQueueUntilAWorkerIsFreeAndGoesFirst) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy0 = pool.occupy(0);
  pool.add();
  Client busy1 = pool.occupy(1);
  kept.get("/b");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  pool.open_gate(1);
  EXPECT_EQ(kept.read_response().body, "1 /b ");
}

TEST(Handover, QueueOutlivesTheWorkerThatSent) {
  Pool pool(0);
  Client kept = Client::unconnected();
  {
    Gate gate;
    TestServer sender(
        [&](net::Exchange& exchange) {
          if (exchange.head().path == "/gate") gate.pass();
          answer(exchange, "sender");
        },
        [&](net::ServerConfig& config) {
          config.handover_out = pool.queue.out.get();
          config.handover_in = pool.queue.in.get();
          config.graceful_timeout = Seconds(0.2);
        });
    kept.connect(sender.port());
    kept.get("/a");
    kept.read_response();
    Client busy(sender.port());
    busy.get("/gate");
    gate.wait_until_reached();
    kept.get("/b");
    ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
    sender.server().stop();
    gate.open();
    sender.join();
  }
  pool.add();
  EXPECT_EQ(kept.read_response().body, "0 /b ");
}

TEST(Handover, DrainingWorkerLeavesNothingBehind) {
  Pool pool(1);
  std::vector<Client> kept;
  for (int i = 0; i < 5; ++i) {
    kept.emplace_back(pool.worker(0).port()).get("/a");
    kept.back().read_response();
  }
  Client busy = pool.occupy(0);
  for (Client& client : kept) client.get("/b");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  pool.worker(0).server().drain();
  // When the answer is sent nothing but the queue keeps it: it accepts no more, and has nothing to linger for.
  busy.shut_down_sending();
  ::poll(nullptr, 0, 300);
  pool.open_gates();
  for (Client& client : kept) {
    const Response response = client.read_response();
    EXPECT_EQ(response.body, "0 /b ");
    EXPECT_EQ(response.fields.at("connection"), "close");
  }
  pool.worker(0).join();
  EXPECT_FALSE(queue_holds_something(pool.queue));
}

TEST(Handover, WorkerThatDrainsHandsOverWhatWaits) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  pool.add();
  pool.worker(0).server().drain();
  kept.get("/b");
  const Response response = kept.read_response();
  EXPECT_EQ(response.body, "1 /b ");
  EXPECT_NE(response.fields.at("connection"), "close");
}

TEST(Handover, RestingWorkerTakesNothing) {
  Lifeline lifeline;
  Pool pool(0);
  pool.add([&](net::ServerConfig& config) { config.lifeline = lifeline.worker.get(); });
  lifeline.say("rest");
  ASSERT_TRUE(wait_until([&] { return all_is_read(lifeline.supervisor.get()); }));
  pool.add();
  Client kept(pool.worker(1).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(1);
  kept.get("/b");
  EXPECT_FALSE(kept.readable(100));
  lifeline.say("serve");
  EXPECT_EQ(kept.read_response().body, "0 /b ");
}

TEST(Handover, FullQueueKeepsRequestsWhereTheyAre) {
  Pool pool(1);
  std::vector<Client> kept;
  for (int i = 0; i < 200; ++i) {
    kept.emplace_back(pool.worker(0).port()).get("/a");
    kept.back().read_response();
  }
  Client busy = pool.occupy(0);
  for (Client& client : kept) client.get("/b");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  pool.open_gates();
  for (Client& client : kept) EXPECT_EQ(client.read_response().body, "0 /b ");
  EXPECT_FALSE(queue_holds_something(pool.queue));
}

TEST(Handover, ClientThatLeavesWhileItWaitsInTheQueueIsNoFault) {
  Pool pool(1);
  Client gone(pool.worker(0).port()), shut(pool.worker(0).port());
  for (Client* client : {&gone, &shut}) {
    client->get("/a");
    client->read_response();
  }
  Client busy = pool.occupy(0);
  gone.get("/b");
  shut.get("/c");
  ASSERT_TRUE(wait_until([&] { return queue_holds_something(pool.queue); }));
  gone.reset();
  shut.shut_down_sending();  // it still gets its answer
  pool.open_gates();
  EXPECT_EQ(shut.read_response().body, "0 /c ");
  EXPECT_TRUE(shut.closed());
  EXPECT_EQ(busy.read_response().body, "0 /gate ");
  EXPECT_EQ(count(pool.worker(0).log(), "[ERROR]"), 0);
}

TEST(Handover, ScoreboardCountsWhereTheRequestRan) {
  auto board0 = std::make_unique<scoreboard::Layout>(), board1 = std::make_unique<scoreboard::Layout>();
  Pool pool(0);
  pool.add([&](net::ServerConfig& config) { config.scoreboard = board0.get(); });
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  pool.add([&](net::ServerConfig& config) { config.scoreboard = board1.get(); });
  kept.get("/b");
  EXPECT_EQ(kept.read_response().body, "1 /b ");
  ASSERT_TRUE(wait_until([&] { return scoreboard::read(*board1)->requests == 1; }));
  EXPECT_EQ(scoreboard::read(*board1)->connections, 0U);
  EXPECT_EQ(scoreboard::read(*board0)->requests, 1U);
  EXPECT_EQ(scoreboard::read(*board0)->connections, 2U);
  EXPECT_EQ(scoreboard::read(*board0)->running.size(), 1U);
}

TEST(Handover, MovedConnectionHasItsKeepAliveTimeAfterTheAnswer) {
  Pool pool(1);
  Client kept(pool.worker(0).port());
  kept.get("/a");
  kept.read_response();
  Client busy = pool.occupy(0);
  pool.add([](net::ServerConfig& config) { config.keep_alive = Seconds(0.3); });
  kept.get("/b");
  EXPECT_EQ(kept.read_response().body, "1 /b ");
  const auto answered = Clock::now();
  EXPECT_TRUE(kept.closed());
  EXPECT_GE(Seconds(Clock::now() - answered).count(), 0.25);
}

}  // namespace
}  // namespace gserve::test
