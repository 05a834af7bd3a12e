// SPDX-License-Identifier: MIT
// The hand-over queue, and what a worker does with messages in it that it did not expect.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include "tests/component/net/handover_pool.h"
#include "worker/http/handover_message.h"
#include "worker/net/handover_queue.h"

namespace gserve::test {
namespace {

using net::ForkGuard;
using net::HandoverQueue;

std::string encoded(const http::HandedRequest& request) {
  std::string message;
  http::encode(request, message);
  return message;
}

TEST(HandoverQueue, CarriesConnectionsInOrder) {
  Pair pair, one, two;
  ForkGuard guard;
  HandoverQueue queue(guard, pair.out.get(), pair.in.get());
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.receive());
  EXPECT_EQ(queue.send("first", one.out.get()), HandoverQueue::Sent::sent);
  EXPECT_EQ(queue.send("second", two.out.get()), HandoverQueue::Sent::sent);
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.waiting());
  auto parcel = queue.receive();
  ASSERT_TRUE(parcel);
  EXPECT_EQ(parcel->message, "first");
  ::send(parcel->socket.get(), "x", 1, 0);
  char byte = 0;
  EXPECT_EQ(::recv(one.in.get(), &byte, 1, 0), 1);
  parcel = queue.receive();
  ASSERT_TRUE(parcel);
  EXPECT_EQ(parcel->message, "second");
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.waiting());
}

TEST(HandoverQueue, SaysWhenItIsFull) {
  Pair pair, connection;
  ForkGuard guard;
  HandoverQueue queue(guard, pair.out.get(), pair.in.get());
  int sent = 0;
  while (queue.send("message", connection.out.get()) == HandoverQueue::Sent::sent) ++sent;
  EXPECT_EQ(queue.send("message", connection.out.get()), HandoverQueue::Sent::full);
  EXPECT_GE(sent, 50);
  ASSERT_TRUE(queue.receive());
  EXPECT_EQ(queue.send("message", connection.out.get()), HandoverQueue::Sent::sent);
}

TEST(HandoverQueue, LooksAtMostOnceInAMillisecondWhileThereIsNothing) {
  Pair pair, connection;
  ForkGuard guard;
  HandoverQueue queue(guard, pair.out.get(), pair.in.get());
  queue.put_off(net::monotonic_now() + 3600 * net::kSecond);
  queue.send("message", connection.out.get());
  EXPECT_FALSE(queue.goes_first());
  queue.put_off(net::monotonic_now() - net::kSecond);
  EXPECT_TRUE(queue.goes_first());
  EXPECT_TRUE(queue.goes_first());
}

TEST(HandoverQueue, ThatIsNotThereIsAlwaysEmpty) {
  ForkGuard guard;
  HandoverQueue queue(guard, -1, -1);
  EXPECT_FALSE(queue.there());
  EXPECT_FALSE(queue.receive());
  EXPECT_FALSE(queue.waiting());
  EXPECT_FALSE(queue.goes_first());
}

/// What a worker does with a message that it did not expect.
class Messages : public ::testing::Test {
 protected:
  Messages() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::runtime_error("socketpair");
    theirs.reset(ends[0]);
    ours.reset(ends[1]);
  }
  std::string answer_to(std::string_view message) {
    ForkGuard guard;
    HandoverQueue queue(guard, pool.queue.out.get(), pool.queue.in.get());
    EXPECT_EQ(queue.send(message, theirs.get()), HandoverQueue::Sent::sent);
    theirs.reset();
    ::shutdown(ours.get(), SHUT_WR);
    std::string answer;
    std::array<char, 4096> room;
    ssize_t n = 0;
    pollfd poll{ours.get(), POLLIN, 0};
    while (::poll(&poll, 1, 20'000) == 1 && (n = ::recv(ours.get(), room.data(), room.size(), 0)) > 0)
      answer.append(room.data(), static_cast<std::size_t>(n));
    return answer;
  }
  bool still_serves() {
    Client client(pool.worker(0).port());
    client.get("/a");
    return client.read_response().status == 200;
  }
  Pool pool{1};
  UniqueFd theirs, ours;
};

TEST_F(Messages, WholeRequestIsServed) {
  const std::string answer =
      answer_to(encoded({"GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "", ""}));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
}

TEST_F(Messages, UnknownVersionIsAnsweredWith503) {
  std::string message = encoded({"GET / HTTP/1.1\r\nHost: t\r\n\r\n", "", ""});
  message[4] = 99;
  EXPECT_TRUE(answer_to(message).starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(count(pool.worker(0).log(), "[ERROR] cannot serve a connection from the hand-over queue"), 1);
  EXPECT_TRUE(still_serves());
}

TEST_F(Messages, DamagedOneIsAnsweredWith503) {
  EXPECT_TRUE(answer_to("what is this").starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(still_serves());
}

TEST_F(Messages, RequestThatIsNotWholeIsAnsweredWith503) {
  EXPECT_TRUE(answer_to(encoded({"GET / HTTP/1.1\r\nHost", "", ""})).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(still_serves());
}

TEST_F(Messages, RequestBeyondTheLimitsHereIsRefused) {
  const std::string head = "GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: t\r\n\r\n";
  EXPECT_TRUE(answer_to(encoded({head, "", ""})).starts_with("HTTP/1.1 414 "));
  EXPECT_TRUE(still_serves());
}

TEST_F(Messages, WithoutADescriptorIsToldInTheLog) {
  const std::string message = encoded({"GET / HTTP/1.1\r\nHost: t\r\n\r\n", "", ""});
  ASSERT_EQ(::send(pool.queue.out.get(), message.data(), message.size(), 0),
            static_cast<ssize_t>(message.size()));
  EXPECT_TRUE(
      wait_for_text(pool.worker(0).log_fd(), "lost a connection that another worker has handed over"));
  EXPECT_TRUE(still_serves());
}

}  // namespace
}  // namespace gserve::test
