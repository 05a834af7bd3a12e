// SPDX-License-Identifier: MIT
// Request and response bodies: spooled, streamed, sent from files, read slowly.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

std::string post(std::size_t size, std::string_view more_fields = "") {
  return "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(size) + "\r\n" +
         std::string(more_fields) + "\r\n";
}

TEST(RequestBody, OfTenMebibytesIsSpooledBeforeTheApplicationRuns) {
  std::atomic<bool> ran{false};
  TestServer server([&](net::Exchange& exchange) {
    ran = true;
    hello_or_echo(exchange);
  });
  const std::string body = pattern(std::size_t{10} << 20);
  Client client(server.port());
  client.send(post(body.size()));
  client.send(std::string_view(body).substr(0, body.size() - 1));
  EXPECT_FALSE(ran);
  client.send(std::string_view(body).substr(body.size() - 1));
  EXPECT_TRUE(client.read_response().body == body);
  EXPECT_TRUE(ran);
}

TEST(RequestBody, ArrivesInChunks) {
  TestServer server;
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = pattern(5000);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    client.send("1388\r\n" + chunk + "\r\n");
    all += chunk;
  }
  client.send("0\r\n\r\n");
  EXPECT_TRUE(client.read_response().body == all);
}

TEST(RequestBody, IsAskedForWithContinue) {
  TestServer server;
  Client client(server.port());
  client.send(post(5, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read_response().status, 100);
  client.send("hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(RequestBody, IsNotAskedForWhenItIsThereAlready) {
  TestServer server;
  Client client(server.port());
  client.send(post(5, "Expect: 100-continue\r\n") + "hello");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST(RequestBody, BeyondTheSpoolStreamsWithBackPressure) {
  Gate gate;
  constexpr std::size_t kLimit = 256U << 10;
  constexpr std::size_t kSize = std::size_t{24} << 20;
  TestServer server(
      [&](net::Exchange& exchange) {
        gate.pass();
        hello_or_echo(exchange);
      },
      [](net::ServerConfig& config) {
        config.memory_limit = 16U << 10;
        config.shared_body_memory = 0;
        config.spool_limit = kLimit;
      });
  Client client(server.port());
  const std::string body = pattern(kSize);
  client.send(post(kSize));
  // The application runs before the body is whole, and while it does not read, not all of the body is taken.
  const std::size_t sent = client.send_patiently(body, 300);
  gate.wait_until_reached();
  EXPECT_LT(sent, kSize);
  gate.open();
  std::thread sender([&] { client.send(std::string_view(body).substr(sent)); });
  const Response response = client.read_response();
  sender.join();
  EXPECT_TRUE(response.body == body);
}

TEST(RequestBody, ThatStreamsAndBreaksIsNotTakenForWhole) {
  std::atomic<bool> broke{false};
  std::latch done(1);
  TestServer server(
      [&](net::Exchange& exchange) {
        broke = !read_body(exchange).has_value();
        exchange.fail();
        done.count_down();
      },
      [](net::ServerConfig& config) { config.memory_limit = config.spool_limit = 4096; });
  Client client(server.port());
  client.send(post(1000000) + pattern(100000));
  client.close();
  done.wait();
  EXPECT_TRUE(broke);
}

TEST(RequestBody, ThatNobodyReadsDoesNotDisturbTheNextRequest) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, exchange.head().method); });
  Client client(server.port());
  client.send(post(200000) + pattern(200000));
  EXPECT_EQ(client.read_response().body, "POST");
  client.get("/");
  EXPECT_EQ(client.read_response().body, "GET");
}

TEST(RequestBody, ThatStreamsUnreadEndsTheConnectionAfterTheAnswer) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, "enough"); },
                    [](net::ServerConfig& config) { config.memory_limit = config.spool_limit = 4096; });
  Client client(server.port());
  client.send(post(std::size_t{8} << 20));
  client.send_patiently(pattern(std::size_t{8} << 20), 200);
  EXPECT_EQ(client.read_response().body, "enough");
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());  // what it still sent was read and thrown away
}

TEST(RequestBody, ThatCannotBeSpooledIsRefused) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) {
    config.tmp_dir = "/nonexistent";
    config.shared_body_memory = 0;
  });
  Client client(server.port());
  client.send(post(100000) + pattern(100000));
  EXPECT_EQ(client.read_response().status, 503);
  EXPECT_TRUE(wait_for_text(server.log_fd(), "cannot spool a request body in /nonexistent: No such file"));
}

/// No file can be made, and one large body has room.
void share_one_mebibyte(net::ServerConfig& config) {
  config.tmp_dir = "/nonexistent";
  config.shared_body_memory = std::size_t{1} << 20;
}

TEST(RequestBody, ThatIsLargeStaysInTheMemoryThatAllShare) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, read_body(exchange).value_or("broken")); },
                    share_one_mebibyte);
  Client client(server.port());
  const std::string body = pattern(std::size_t{1} << 20);
  for (int i = 0; i < 3; ++i) {  // each gives its share back
    client.send(post(body.size()) + body);
    const Response response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.size(), body.size());
  }
  client.shut_down_sending();
  EXPECT_TRUE(client.closed());  // it has no share any more
  Client another(server.port());
  another.send(post(body.size()) + body);
  EXPECT_TRUE(another.read_response().body == body);
}

TEST(RequestBody, IsSpooledWhenOthersHaveTheSharedMemory) {
  Gate gate;
  TestServer server(
      [&](net::Exchange& exchange) {
        if (exchange.head().method == "POST") gate.pass();
        hello_or_echo(exchange);
      },
      share_one_mebibyte);
  Client second(server.port());
  second.get("/hello");  // accepted: a busy server accepts nobody
  EXPECT_EQ(second.read_response().body, "hello");
  Client first(server.port());
  first.send(post(100000) + pattern(100000));
  gate.wait_until_reached();
  second.send(post(100000) + pattern(100000));
  EXPECT_EQ(second.read_response().status, 503);
  gate.open();
  EXPECT_TRUE(first.read_response().body == pattern(100000));
}

void limit_bodies(net::ServerConfig& config) {
  config.limits.request_body = 10;
}

TEST(RequestBodyLimit, RefusesWhatIsAnnouncedBeforeItIsAskedFor) {
  TestServer server(hello_or_echo, limit_bodies);
  Client client(server.port());
  client.send(post(10) + pattern(10));
  EXPECT_EQ(client.read_response().body, pattern(10));
  client.send(post(11, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(
      wait_for_text(server.log_fd(), "refused a request from 127.0.0.1: 413, request body too large"));
}

TEST(RequestBodyLimit, RefusesChunksAsSoonAsTheyAreTooMany) {
  std::atomic<bool> ran{false};
  TestServer server(
      [&](net::Exchange& exchange) {
        ran = true;
        hello_or_echo(exchange);
      },
      limit_bodies);
  Client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
  EXPECT_FALSE(ran);
}

constexpr std::size_t kStreamFrom = 4096;
constexpr std::size_t kFirstChunk = 5000;

void stream_and_limit_bodies(net::ServerConfig& config) {
  config.memory_limit = config.spool_limit = kStreamFrom;
  config.limits.request_body = kFirstChunk;
}

/// A chunk that is allowed and makes the body stream, and the size of one more.
std::string one_chunk_too_many() {
  return "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + pattern(kFirstChunk) +
         "\r\n1\r\n";
}

TEST(RequestBodyLimit, BreaksABodyThatIsStreamed) {
  std::atomic<bool> broke{false};
  TestServer server(
      [&](net::Exchange& exchange) {
        broke = !read_body(exchange).has_value();
        exchange.fail();
      },
      stream_and_limit_bodies);
  Client client(server.port());
  client.send(one_chunk_too_many());
  EXPECT_EQ(client.read_response().status, 413);  // what the application's failure to read means
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(broke);
  EXPECT_TRUE(wait_for_text(server.log_fd(), "413, request body too large"));
}

TEST(RequestBodyLimit, LetsTheApplicationAnswerABrokenBody) {
  TestServer server(
      [](net::Exchange& exchange) { answer(exchange, read_body(exchange) ? "whole" : "broken"); },
      stream_and_limit_bodies);
  Client client(server.port());
  client.send(one_chunk_too_many());
  Response response = client.read_response();
  EXPECT_EQ(response.body, "broken");
  EXPECT_EQ(response.fields["connection"], "close");
  EXPECT_TRUE(client.closed());
}

TEST(Refusal, ByAnExecutorIsAnsweredLoggedAndEndsTheConnection) {
  TestServer server([](net::Exchange& exchange) { exchange.refuse({400, "not like this"}); });
  Client client(server.port());
  client.get("/");
  const Response response = client.read_response();
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("not like this"), std::string::npos);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "[INFO] refused a request from 127.0.0.1: 400, not like this"));
}

TEST(ResponseBody, OfFiftyMebibytesFreesTheExecutorLongBeforeASlowReaderHasIt) {
  const std::string body = pattern(std::size_t{50} << 20);
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/hello") return answer(exchange, "hello");
    answer(exchange, body);
  });
  Client slow(server.port());
  slow.get("/big");
  ASSERT_TRUE(slow.readable(20000));
  Client other(server.port());
  other.get("/hello");  // one executor: it is free although `slow` has read nothing
  EXPECT_EQ(other.read_response().body, "hello");
  EXPECT_TRUE(slow.read_response().body == body);
  slow.get("/hello");
  EXPECT_EQ(slow.read_response().body, "hello");
}

TEST(ResponseBody, InPiecesIsSpooledInOrder) {
  const std::string piece = pattern(70001);
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/hello") return answer(exchange, "hello");
    exchange.start("200 OK", {});
    for (int i = 0; i < 200; ++i) exchange.send(piece, false);
    exchange.finish();
  });
  Client slow(server.port());
  slow.get("/big");
  Client other(server.port());
  other.get("/hello");
  EXPECT_EQ(other.read_response().body, "hello");
  std::string all;
  for (int i = 0; i < 200; ++i) all += piece;
  EXPECT_TRUE(slow.read_response().body == all);
}

TEST(ResponseBody, BeyondTheSpoolWaitsForTheClient) {
  const std::string piece = pattern(100000);
  std::atomic<int> sent{0};
  TestServer server(
      [&](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        for (; sent < 300; ++sent) exchange.send(piece, false);
        exchange.finish();
      },
      [](net::ServerConfig& config) { config.spool_limit = 1 << 20; });
  Client slow(server.port());
  slow.get("/big");
  ASSERT_TRUE(slow.readable(20000));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LT(sent, 300);
  const Response response = slow.read_response();
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.body.size(), 300 * piece.size());
  EXPECT_TRUE(response.body.ends_with(piece));
}

TEST(ResponseBody, WithoutASpoolWaitsForTheClient) {
  const std::string body = pattern(std::size_t{20} << 20);
  TestServer server([&](net::Exchange& exchange) { answer(exchange, body); },
                    [](net::ServerConfig& config) { config.tmp_dir = "/nonexistent"; });
  Client client(server.port());
  client.get("/");
  EXPECT_TRUE(client.read_response().body == body);
}

class FileBody : public ::testing::Test {
 protected:
  FileBody() : file_(::memfd_create("body", MFD_CLOEXEC)) {
    [[maybe_unused]] const ssize_t n = ::pwrite(file_.get(), text_.data(), text_.size(), 0);
  }
  void send_from(net::Exchange& exchange, off_t offset, bool with_length) {
    const std::uint64_t size = text_.size() - static_cast<std::uint64_t>(offset);
    const std::string length = std::to_string(size);
    const std::array<http::Field, 1> fields{{{"Content-Length", length}}};
    exchange.start("200 OK",
                   with_length ? std::span<const http::Field>(fields) : std::span<const http::Field>());
    exchange.send_file(file_.get(), offset, size);
    exchange.finish();
  }

  const std::string text_ = pattern(std::size_t{12} << 20);
  UniqueFd file_;
};

TEST_F(FileBody, IsSentFromItsOffset) {
  TestServer server([&](net::Exchange& exchange) { send_from(exchange, 1234567, true); });
  Client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.get("/");
    EXPECT_TRUE(client.read_response().body == text_.substr(1234567));
  }
}

TEST_F(FileBody, IsChunkedWhenItsSizeIsNotPromised) {
  TestServer server([&](net::Exchange& exchange) { send_from(exchange, 0, false); });
  Client client(server.port());
  client.get("/");
  const Response response = client.read_response();
  EXPECT_TRUE(response.whole);
  EXPECT_TRUE(response.body == text_);
}

TEST_F(FileBody, MayBeClosedByTheApplicationBeforeItIsSent) {
  TestServer server([&](net::Exchange& exchange) {
    if (exchange.head().path == "/hello") return answer(exchange, "hello");
    send_from(exchange, 0, true);
    file_.reset();
  });
  const int before = open_descriptors();
  Client client(server.port());
  client.get("/");
  Client other(server.port());
  other.get("/hello");
  EXPECT_EQ(other.read_response().body, "hello");
  EXPECT_TRUE(client.read_response().body == text_);
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(open_descriptors(), before - 1 + 4);  // without the file, with both ends of two connections
}

TEST_F(FileBody, ThatShrinksMeanwhileCutsTheConnection) {
  TestServer server([&](net::Exchange& exchange) { send_from(exchange, 0, true); });
  Client client(server.port());
  client.get("/");
  ASSERT_TRUE(client.readable(20000));
  ASSERT_EQ(::ftruncate(file_.get(), std::ssize(text_) / 100), 0);
  EXPECT_FALSE(client.read_response().whole);
}

}  // namespace
}  // namespace gserve::test
