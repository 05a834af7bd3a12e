// SPDX-License-Identifier: MIT
// The server over TLS, with OpenSSL's own client on the other side.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"
#include "tests/component/net/tls_client.h"
#include "tests/component/net/tls_settings.h"
#include "worker/net/tls_session.h"

namespace gserve::test {
namespace {

TEST(Tls, AnswersRequestsOnAConnectionThatStays) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, exchange.secure() ? "secure" : "open"); },
                    with_tls());
  TlsClient client(server.port());
  ASSERT_TRUE(client.connected()) << client.failure();
  EXPECT_EQ(client.version(), TLS1_3_VERSION);
  for (int i = 0; i < 3; ++i) {
    client.get("/");
    EXPECT_EQ(client.read_response().body, "secure");
  }
}

TEST(Tls, SpeaksTls12) {
  TestServer server(hello_or_echo, with_tls());
  TlsClient client(server.port(), {.version = TLS1_2_VERSION});
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Tls, RefusesTls11) {
  TestServer server(hello_or_echo, with_tls());
  TlsClient client(server.port(), {.version = TLS1_1_VERSION});
  EXPECT_FALSE(client.connected());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "TLS handshake with 127.0.0.1 failed: unsupported protocol"));
}

TEST(Tls, AnswersPipelinedRequestsInOrder) {
  TestServer server([](net::Exchange& exchange) { answer(exchange, exchange.head().path); }, with_tls());
  TlsClient client(server.port());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.read_response().body, "/" + std::to_string(i));
}

TEST(Tls, CarriesLargeBodiesBothWays) {
  TestServer server(hello_or_echo, with_tls());
  TlsClient client(server.port());
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 % 251);
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n" + body + get("/hello"));
  EXPECT_EQ(client.read_response().body, body);
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Tls, SendsFilesAndStopsAtTheirTruth) {
  const UniqueFd file = temporary_file();
  const std::string text(700'000, 'f');
  ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  TestServer server(
      [&](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        exchange.send("<", false);
        exchange.send_file(file.get(), 1, exchange.head().path == "/long" ? 800'000 : 600'000);
        exchange.send(">", true);
        exchange.finish();
      },
      with_tls());
  TlsClient client(server.port());
  client.get("/");
  EXPECT_EQ(client.read_response().body, "<" + std::string(600'000, 'f') + ">");
  client.get("/long");  // the file has less than that: the client must notice
  EXPECT_FALSE(client.read_response().whole);
  EXPECT_FALSE(client.was_notified());
}

TEST(Tls, WaitsForAClientThatReadsSlowly) {
  TestServer server(
      [](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        const std::string piece(100'000, 's');
        for (int i = 0; i < 200; ++i) exchange.send(piece, i == 199);
        exchange.finish();
      },
      with_tls([](net::ServerConfig& config) { config.spool_limit = 1 << 20; }));
  TlsClient slow(server.port());
  slow.get("/");
  ASSERT_TRUE(slow.readable(20'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // everything between us is full by now
  const Response response = slow.read_response();
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.body.size(), 20'000'000U);
}

TEST(Tls, ServesOthersWhileAClientIsSilentInItsHandshake) {
  TestServer server(hello_or_echo,
                    with_tls([](net::ServerConfig& config) { config.header_timeout = net::Seconds(0.3); }));
  Client silent(server.port());
  Client dripping(server.port());
  dripping.send(std::string_view("\x16\x03\x01\x02\x00", 5));  // a record begins, and never ends
  TlsClient client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(dripping.closed());
}

TEST(Tls, AnswersPlainHttpInItsOwnWordsAndCloses) {
  TestServer server(hello_or_echo, with_tls());
  for (const char* method : {"GET", "DELETE"}) {
    Client client(server.port());
    client.send(std::string(method) + " /hello HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 400);
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(client.was_reset());
  }
  EXPECT_TRUE(wait_for_text(server.log_fd(),
                            "refused a request from 127.0.0.1: 400, plain HTTP was sent to a TLS port", 2));
}

TEST(Tls, ClosesOnBytesThatAreNoTls) {
  TestServer server(hello_or_echo, with_tls());
  Client client(server.port());
  client.send(std::string(100, '\x01'));
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "TLS handshake with 127.0.0.1 failed: "));
}

TEST(Tls, SaysNothingOfClientsThatOnlyConnect) {
  TestServer server(hello_or_echo, with_tls());
  { Client probe(server.port()); }
  TlsClient client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(count(server.log(), "TLS"), 0);
}

TEST(Tls, AnswersAClientThatHasFinishedSending) {
  for (const bool orderly : {true, false}) {
    Gate gate;
    TestServer server(
        [&](net::Exchange& exchange) {
          gate.pass();
          answer(exchange, "late");
        },
        with_tls());
    TlsClient client(server.port());
    client.get("/");
    if (orderly) client.send_close_notify();
    client.shut_down_sending();
    gate.wait_until_reached();
    gate.open();
    EXPECT_EQ(client.read_response().body, "late");
    EXPECT_TRUE(client.closed());
    EXPECT_TRUE(client.was_notified());
  }
}

TEST(Tls, TellsTheClientThatNothingMoreFollows) {
  TestServer server(
      [](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        exchange.send("until the end", false);
        exchange.finish();
      },
      with_tls());
  TlsClient client(server.port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "until the end");
  EXPECT_TRUE(client.was_notified());
}

TEST(Tls, CutsAnAnswerThatIsNotWholeWithoutNotice) {
  TestServer server(
      [](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        exchange.send("half", false);
        exchange.fail();
      },
      with_tls());
  TlsClient client(server.port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  client.read_response();
  EXPECT_FALSE(client.was_notified());
}

TEST(Tls, ClosesAnIdleConnectionWithNotice) {
  TestServer server(hello_or_echo,
                    with_tls([](net::ServerConfig& config) { config.keep_alive = net::Seconds(0.2); }));
  TlsClient client(server.port());
  client.get("/hello");
  client.read_response();
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.was_notified());
}

TEST(Tls, AnswersARequestThatDoesNotArriveInTime) {
  TestServer server(hello_or_echo,
                    with_tls([](net::ServerConfig& config) { config.header_timeout = net::Seconds(0.3); }));
  TlsClient client(server.port());
  client.send("GET / HT");
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.was_notified());
}

TEST(Tls, GivesUpAClientThatTakesNothingOfItsAnswer) {
  TestServer server(
      [](net::Exchange& exchange) {
        exchange.start("200 OK", {});
        const std::string piece(1 << 20, 's');
        while (exchange.send(piece, false) == net::Sent::ok) {
        }
        exchange.finish();
      },
      with_tls([](net::ServerConfig& config) {
        config.write_timeout = net::Seconds(0.3);
        config.spool_limit = 1 << 20;
      }));
  TlsClient client(server.port());
  client.get("/");
  server.server().drain();
  server.join();  // the executor is let go
}

TEST(Tls, SendsContinueBeforeABody) {
  TestServer server(hello_or_echo, with_tls());
  TlsClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("body");
  EXPECT_EQ(client.read_response().body, "body");
}

TEST(Tls, DrainsWithAnswersAndNotices) {
  Gate gate;
  TestServer server(
      [&](net::Exchange& exchange) {
        gate.pass();
        answer(exchange, "last");
      },
      with_tls());
  TlsClient idle(server.port());
  TlsClient client(server.port());
  client.get("/");
  gate.wait_until_reached();
  server.server().drain();
  gate.open();
  EXPECT_EQ(client.read_response().body, "last");
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.was_notified());
  EXPECT_TRUE(idle.closed());
  server.join();
}

TEST(Tls, ComesAfterThePlainHeaderOfAProxy) {
  const auto proxied = [](const char* trusted) {
    return with_tls([trusted](net::ServerConfig& config) {
      config.proxy_protocol = http::ProxyMode::either;
      config.proxy_allow_ips.add(trusted);
    });
  };
  TestServer server([](net::Exchange& exchange) { answer(exchange, exchange.peer().address); },
                    proxied("127.0.0.1"));
  TlsClient client(server.port(), {.preface = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"});
  ASSERT_TRUE(client.connected()) << client.failure();
  client.get("/");
  EXPECT_EQ(client.read_response().body, "192.0.2.7");

  TestServer distrusting(hello_or_echo, proxied("192.0.2.1"));
  Client stranger(distrusting.port());
  stranger.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n");
  EXPECT_EQ(stranger.read_response().status, 403);
}

/// A client that keeps what it would send.
class HeldClient {
 public:
  HeldClient() {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  /// Sends what it has, and reads what there is.
  void talk(int socket) {
    std::array<char, 16384> room;
    const ssize_t n = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
    if (n > 0) BIO_write(SSL_get_rbio(ssl_.get()), room.data(), static_cast<int>(n));
    SSL_do_handshake(ssl_.get());
    flush(socket);
  }
  bool connected() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  /// A request to change keys carries no data (RFC 8446, 4.6.3).
  void change_keys() {
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(ssl_.get());
  }
  std::size_t held() const { return BIO_ctrl_pending(SSL_get_wbio(ssl_.get())); }
  void flush(int socket) {
    std::string bytes(held(), '\0');
    BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    ASSERT_EQ(::send(socket, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

 private:
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                                   SSL_CTX_free};
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{SSL_new(context_.get()), SSL_free};
};

TEST(Tls, ReadsSoMuchAtOnceAndNoMore) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  net::ForkGuard guard;
  const auto context = tls::Context::make(material_for(server_identity()));
  net::TlsSession session(guard, std::get<tls::Context>(context), ours.get());
  HeldClient client;
  std::array<char, 1024> room;
  for (int i = 0; i < 10; ++i) {
    client.talk(theirs.get());
    EXPECT_EQ(session.receive(room.data(), room.size()), -1);
    EXPECT_FALSE(session.holds_more());
  }
  ASSERT_TRUE(client.connected() && session.established());
  while (client.held() < 100'000) client.change_keys();
  client.flush(theirs.get());
  int turns = 0;
  do {
    EXPECT_EQ(session.receive(room.data(), room.size()), -1);
    EXPECT_EQ(errno, EAGAIN);
    ++turns;
  } while (session.holds_more());
  EXPECT_GE(turns, 3);
}

/// A child that is born meanwhile would find one of OpenSSL's locks taken for good.
TEST(Tls, UsesOpenSslOnlyWhileNobodyForks) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  net::ForkGuard guard;
  const auto context = tls::Context::make(material_for(server_identity()));
  net::TlsSession session(guard, std::get<tls::Context>(context), ours.get());
  std::atomic<bool> received{false};
  guard.before_fork();
  std::thread io([&] {
    char byte = 0;
    session.receive(&byte, 1);
    received = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(received);
  guard.after_fork_in_parent();
  io.join();
  EXPECT_TRUE(received);
}

}  // namespace
}  // namespace gserve::test
