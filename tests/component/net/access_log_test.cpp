// SPDX-License-Identifier: MIT
// The access log: its format, and that it never costs more than lines.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"
#include "worker/http/request_parser.h"
#include "worker/net/access_format.h"
#include "worker/net/log_text.h"

namespace gserve::test {
namespace {

class Format : public ::testing::Test {
 protected:
  std::string line(std::string_view format, std::string_view fields = "") {
    text_ = "GET " + target_ + " HTTP/1.1\r\nHost: t\r\n" + std::string(fields) + "\r\n";
    parser_.reset();
    EXPECT_EQ(parser_.parse(text_), http::RequestParser::Status::complete);
    std::string out;
    net::AccessFormat(format, 4242, 7)
        .append(out, {parser_.head(), peer_, 201, 1234, 2'345'678, time_, 42, response_fields_, variables_},
                limit_);
    EXPECT_LE(out.size(), limit_);
    EXPECT_EQ(out.back(), '\n');
    out.pop_back();
    return out;
  }

  std::string target_ = "/path/x?q=1&r=2";
  std::string text_;
  http::RequestParser parser_{{.request_line = 0, .field_size = 20000}};
  const net::Endpoint peer_{"192.0.2.7", "4711", ""};
  std::string_view time_ = "[23/Nov/2026:09:15:27 +0000]";
  std::size_t limit_ = std::string::npos;
  const std::vector<std::pair<std::string, std::string>> response_fields_{
      {"Content-Type", "text/html"}, {"X-Twice", "1"}, {"X-Twice", "2"}};
  std::vector<std::optional<std::string>> variables_{"alice", std::nullopt};
};

TEST_F(Format, DefaultsToThatOfGunicorn) {
  EXPECT_EQ(
      line("", "Referer: http://r/\r\nUser-Agent: curl/8\r\n"),
      R"(192.0.2.7 - - [23/Nov/2026:09:15:27 +0000] "GET /path/x?q=1&r=2 HTTP/1.1" 201 1234 "http://r/" "curl/8")");
}

TEST_F(Format, KnowsEveryAtom) {
  EXPECT_EQ(line("%(m)s %(U)s %(q)s %(H)s %(B)s %(T)s %(M)s %(D)s %(L)s %(f)s %(a)s"),
            "GET /path/x q=1&r=2 HTTP/1.1 1234 2 2345 2345678 2.345678 - -");
  EXPECT_EQ(line("%(p)s %(l)s %(h)s %(u)s %(s)s %(b)s"), "<4242> - 192.0.2.7 - 201 1234");
  EXPECT_EQ(line("%({x-id}i)s %({content-type}o)s %({none}i)s %({x-twice}o)s", "X-Id: 7\r\n"),
            "7 text/html - 2");
  EXPECT_EQ(line("%({REMOTE_USER}e)s %({NOT_SET}e)s %({third}e)s"), "alice - -");
  EXPECT_EQ(line("100%% %(nonsense)s %(unclosed"), "100% - %(unclosed");
}

TEST_F(Format, HonoursWidthsAsPythonDoes) {
  EXPECT_EQ(line("|%(s)5s|%(s)-5s|%(s)2s|%(m)d|"), "|  201|201  |201|GET|");
}

TEST_F(Format, ShowsThePathDecodedAndRepeatedFieldsAsTheApplicationSawThem) {
  target_ = "/a%20b%2F%zz%c3%a4%0a?x=%20";
  EXPECT_EQ(line("%(U)s %(q)s"), R"(/a b/%zz\xc3\xa4\x0a x=%20)");
  EXPECT_EQ(line("%(r)s"), "GET /a%20b%2F%zz%c3%a4%0a?x=%20 HTTP/1.1");
  const char* twice = "Referer: 1\r\nreferer: 2\r\nUser-Agent:\r\n";
  EXPECT_EQ(line("%(f)s %({referer}i)s [%(a)s]", twice), "1,2 2 []");
}

TEST_F(Format, CutsALineThatMayNotBeSoLong) {
  limit_ = 20;
  EXPECT_EQ(line("%(r)s"), "GET /path/x?q=1&r=2");
}

class Json : public Format {
 protected:
  Json() { time_ = "2026-11-23T09:15:27"; }
  nlohmann::json parsed(std::string_view fields = "") { return nlohmann::json::parse(line("json", fields)); }
};

TEST_F(Json, LinesHaveEveryMember) {
  EXPECT_EQ(
      line("json", "Authorization: Basic YWxpY2U6c2VjcmV0\r\nUser-Agent: curl/8\r\n"),
      R"({"time":"2026-11-23T09:15:27.042Z","remote_addr":"192.0.2.7","user":"alice","method":"GET",)"
      R"("path":"/path/x","query":"q=1&r=2","protocol":"HTTP/1.1","host":"t","status":201,"bytes":1234,)"
      R"("duration_us":2345678,"referer":null,"user_agent":"curl/8","pid":4242,"generation":7})");
}

TEST_F(Json, EscapesAndMakesUtf8OfWhatIsNone) {
  EXPECT_THAT(
      line("json", "User-Agent: a\"\\\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d\r\n"),
      ::testing::HasSubstr("\"user_agent\":\"a\\\"\\\\\\u0009\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d\""));
  // Latin-1, too long a form, a surrogate, beyond U+10FFFF, cut off.
  EXPECT_THAT(line("json", "Referer: \xe4.\xc0\xaf.\xed\xa0\x80.\xf4\x90\x80\x80.\xe2\x82\r\n"),
              ::testing::HasSubstr(R"("referer":"\ufffd.\ufffd\ufffd.\ufffd\ufffd\ufffd.)"
                                   R"(\ufffd\ufffd\ufffd\ufffd.\ufffd\ufffd")"));
}

TEST_F(Json, StaysJsonWhenItHasToBeCut) {
  limit_ = 4096;
  EXPECT_FALSE(parsed().contains("truncated"));
  target_ = "/" + std::string(4000, 'p');
  const nlohmann::json cut = parsed("User-Agent: " + std::string(8000, '\x01' + 'a') + "\r\n");
  EXPECT_EQ(cut["truncated"], true);
  EXPECT_EQ(cut["path"], "/" + std::string(511, 'p'));
  const nlohmann::json worst = parsed("User-Agent: " + std::string(8000, '\xff') + "\r\n");
  EXPECT_EQ(worst["truncated"], true);
  EXPECT_EQ(worst["status"], 201);
}

RC_GTEST_FIXTURE_PROP(Json, IsAlwaysWellFormed, (const std::string& bytes)) {
  std::string out;
  net::append_json_string(out, bytes);
  RC_ASSERT(nlohmann::json::parse(out).is_string());
}

TEST_F(Format, ShowsTheUserOfBasicCredentials) {
  EXPECT_EQ(line("%(u)s", "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"), "alice");
  EXPECT_EQ(line("%(u)s", "Authorization: Bearer abc\r\n"), "-");
}

TEST_F(Format, EscapesWhatAClientChooses) {
  EXPECT_EQ(line("\"%(a)s\"", "User-Agent: a\" \\ \t\x80\r\n"), R"("a\" \\ \x09\x80")");
  EXPECT_EQ(line("%(u)s", "Authorization: Basic YQpiOng=\r\n"), R"(a\x0ab)");
}

TEST(AccessLog, HoldsALineForEachAnswer) {
  const UniqueFd log = temporary_file();
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) { config.access_log = log.get(); });
  Client client(server.port());
  client.get("/hello");
  client.read_response();
  client.get("/missing");
  client.read_response();
  ASSERT_TRUE(wait_for_text(log.get(), "\n", 2));
  EXPECT_THAT(
      contents(log.get()),
      ::testing::MatchesRegex(
          R"(127\.0\.0\.1 - - \[[0-9]+/[A-Z][a-z]+/[0-9]+:[0-9:]+ [+-][0-9]+\] "GET /hello HTTP/1\.1" 200 5 "-" "-")"
          "\n"
          R"(127\.0\.0\.1 - - \[.*\] "GET /missing HTTP/1\.1" 404 0 "-" "-")"
          "\n"));
}

TEST(AccessLog, OnAFullDiskCostsLinesAndSaysSo) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) { config.access_log = full.get(); });
  Client client(server.port());
  for (int i = 0; i < 100; ++i) {
    client.get("/hello");
    ASSERT_EQ(client.read_response().body, "hello");
  }
  EXPECT_TRUE(
      wait_for_text(server.log_fd(), "lines of the access log: cannot write it: No space left on device"));
  EXPECT_EQ(count(server.log(), "[WARNING] dropped"), 1);
}

TEST(AccessLog, OnAPipeThatNobodyReadsNeverBlocksRequests) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) { config.access_log = writer.get(); });
  Client client(server.port());
  const std::string path = "/hello?" + std::string(2000, 'x');
  for (int i = 0; i < 1000; ++i) {  // far more than the pipe holds
    client.get(path);
    ASSERT_EQ(client.read_response().body, "hello");
  }
  // Lines wait for the reader, whole.
  std::string text;
  std::array<char, 65536> room;
  while (count(text, "\n") < 500) {
    const ssize_t n = ::read(reader.get(), room.data(), room.size());
    ASSERT_GT(n, 0);
    text.append(room.data(), static_cast<std::size_t>(n));
  }
  EXPECT_EQ(count(text, "127.0.0.1 - - ["), count(text, "x HTTP/1.1\" 200 5"));
}

/// Both ends of what Python's logging is told of requests on.
struct RecordsSocket {
  RecordsSocket() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  }
  /// Until so many lines are there.
  std::string read_lines(int lines) const {
    std::string text;
    std::array<char, 65536> room;
    while (count(text, "\n") < lines) {
      const ssize_t n = ::read(reader.get(), room.data(), room.size());
      if (n <= 0) break;
      text.append(room.data(), static_cast<std::size_t>(n));
    }
    return text;
  }
  UniqueFd reader;
  UniqueFd writer;
};

TEST(AccessRecords, TellAllOfARequestAndLeaveTheAccessLogToTheirReader) {
  const UniqueFd log = temporary_file();
  const RecordsSocket records;
  TestServer server(hello_or_echo, [&](net::ServerConfig& config) {
    config.access_log = log.get();
    config.access_records = records.writer.get();
  });
  Client client(server.port());
  client.send("GET /hel%6co?q=\"&x=\xe9 HTTP/1.1\r\nHost: t\r\nX-Tab: a\tb\\\r\n\r\n");
  client.read_response();
  EXPECT_THAT(records.read_lines(1),
              ::testing::MatchesRegex(
                  R"(\{"h":"127\.0\.0\.1","port":"[0-9]+","m":"GET","target":"/hel%6co\?q=\\"&x=\\u00e9",)"
                  R"("U":"/hel%6co","q":"q=\\"&x=\\u00e9","H":"HTTP/1\.1","s":[0-9]+,"b":[0-9]+,"D":[0-9]+,)"
                  R"("i":\[\["Host","t"\],\["X-Tab","a\\u0009b\\\\"\]\],"o":\[\]\})"
                  "\n"));
  EXPECT_EQ(contents(log.get()), "");
}

TEST(AccessRecords, ThatNobodyReadsAreLostInWholeCountedAndTold) {
  const RecordsSocket records;
  constexpr int kRequests = 500;
  int told = 0;
  {
    TestServer server(hello_or_echo,
                      [&](net::ServerConfig& config) { config.access_records = records.writer.get(); });
    Client client(server.port());
    const std::string path = "/hello?" + std::string(3900, 'x');
    for (int i = 0; i < kRequests; ++i) {
      client.get(path);
      ASSERT_EQ(client.read_response().body, "hello");
    }
    server.server().drain();
    server.join();
    const std::string log = server.log();
    for (std::size_t at = log.find("dropped "); at != std::string::npos; at = log.find("dropped ", at + 1)) {
      told += std::atoi(log.c_str() + at + 8);
    }
  }
  ::fcntl(records.reader.get(), F_SETFL, O_NONBLOCK);
  const int read = count(records.read_lines(kRequests), "]]}\n");
  EXPECT_GT(read, 0);
  EXPECT_LT(read, kRequests);
  EXPECT_EQ(read + told, kRequests);
}

}  // namespace
}  // namespace gserve::test
