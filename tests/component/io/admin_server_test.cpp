// SPDX-License-Identifier: MIT
#include "supervisor/io/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/unique_fd.h"

namespace gserve::io {
namespace {

using ::testing::HasSubstr;

/// A server on a port of its own, and clients on the same thread: the loop runs only while somebody waits.
class AdminServerTest : public ::testing::Test {
 protected:
  AdminServerTest() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    socklen_t size = sizeof address_;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
  }

  UniqueFd connect() {
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_), 0);
    return client;
  }

  /// What comes back until `end` is in it or the connection ends.
  std::string read(const UniqueFd& client, const std::string& end) {
    std::string text;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (text.find(end) == std::string::npos && std::chrono::steady_clock::now() < limit) {
      io_.run_for(std::chrono::milliseconds(1));
      io_.restart();
      char bytes[65536];
      const ssize_t size = ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (size == 0) return text + "(end)";
      if (size > 0) text.append(bytes, static_cast<std::size_t>(size));
    }
    return text;
  }

  std::string ask(const UniqueFd& client, const std::string& path, const std::string& end = "\n\n") {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
    return read(client, end);
  }

  AdminAnswer page(std::string_view path) {
    if (path == "/fault") throw std::runtime_error("no such thing");
    asked_.emplace_back(path);
    return {200, "text/plain", "page of " + std::string(path) + "\n\n"};
  }

  boost::asio::io_context io_;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_in address_{};
  std::vector<std::string> asked_;
  std::string logged_;
  AdminServer server_{io_, listener_.get(), [this](std::string_view path) { return page(path); },
                      [this](core::LogLevel, const std::string& text) { logged_ += text; }};
};

TEST_F(AdminServerTest, AnswersOneRequestAfterTheOtherOnAConnection) {
  const UniqueFd client = connect();
  EXPECT_THAT(ask(client, "/a?b=c"), HasSubstr("page of /a\n"));
  EXPECT_THAT(ask(client, "/d"), HasSubstr("page of /d\n"));
  EXPECT_EQ(asked_, (std::vector<std::string>{"/a", "/d"}));
}

TEST_F(AdminServerTest, PageThatFailsIsAnErrorAndTheNextOneIsAnswered) {
  const UniqueFd client = connect();
  EXPECT_THAT(ask(client, "/fault", "why\n"), HasSubstr("HTTP/1.1 500 "));
  EXPECT_THAT(logged_, HasSubstr("cannot answer /fault at the admin address: no such thing"));
  EXPECT_THAT(ask(client, "/a"), HasSubstr("page of /a\n"));
}

TEST_F(AdminServerTest, NewcomerTakesThePlaceOfWhoeverWasSilentForLongest) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(connect());
  EXPECT_THAT(ask(clients[0], "/first"), HasSubstr("page of /first\n"));
  const UniqueFd newcomer = connect();
  EXPECT_THAT(ask(newcomer, "/new"), HasSubstr("page of /new\n"));
  EXPECT_EQ(read(clients[1], "never"), "(end)");
  EXPECT_THAT(ask(clients[0], "/again"), HasSubstr("page of /again\n"));
  EXPECT_THAT(ask(clients[2], "/other"), HasSubstr("page of /other\n"));
}

TEST_F(AdminServerTest, AnythingButARequestIsRefusedAndTheConnectionEnds) {
  for (const std::string& bytes : {std::string("\x16\x03\x01"), std::string("GET\r\n\r\n"),
                                   "GET / HTTP/1.1\r\nX: " + std::string(10000, 'y')}) {
    const UniqueFd client = connect();
    const std::string text = bytes + "\r\n\r\n";
    ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
    EXPECT_THAT(read(client, "never"), HasSubstr("HTTP/1.1 400 ")) << bytes.substr(0, 20);
  }
  EXPECT_TRUE(asked_.empty());
}

TEST_F(AdminServerTest, EndsWhileClientsAreInTheMiddle) {
  const UniqueFd half = connect();
  ::send(half.get(), "GET / HT", 8, MSG_NOSIGNAL);
  const UniqueFd silent = connect();
  EXPECT_THAT(ask(connect(), "/a"), HasSubstr("page of /a\n"));
}

}  // namespace
}  // namespace gserve::io
