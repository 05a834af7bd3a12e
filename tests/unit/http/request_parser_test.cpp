// SPDX-License-Identifier: MIT
#include "worker/http/request_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {
namespace {

using Status = RequestParser::Status;

const std::string kHost = "Host: a\r\n";

Outcome parse_fields(const std::string& fields, int minor = 1) {
  return parse_whole("POST / HTTP/1." + std::to_string(minor) + "\r\n" + kHost + fields + "\r\n");
}

Outcome parse_target(const std::string& target, const std::string& method = "GET") {
  return parse_whole(method + ' ' + target + " HTTP/1.1\r\n" + kHost + "\r\n");
}

TEST(RequestParser, UnderstandsASmallRequest) {
  const std::string bytes =
      "GET /a/b?c=d&e HTTP/1.1\r\nHost: example.org:8000\r\nX-Name:  value \t\r\nEmpty:\r\n\r\n";
  const Outcome outcome = parse_whole(bytes + "next");
  ASSERT_TRUE(outcome.accepted()) << outcome;
  EXPECT_EQ(outcome.head_size, bytes.size());
  EXPECT_EQ(outcome.line, "GET /a/b?c=d&e HTTP/1.1");
  EXPECT_EQ(outcome.method, "GET");
  EXPECT_EQ(outcome.target, "/a/b?c=d&e");
  EXPECT_EQ(outcome.path, "/a/b");
  EXPECT_EQ(outcome.query, "c=d&e");
  EXPECT_EQ(outcome.minor_version, 1);
  const decltype(outcome.fields) expected = {
      {"Host", "example.org:8000"}, {"X-Name", "value"}, {"Empty", ""}};
  EXPECT_EQ(outcome.fields, expected);
  EXPECT_TRUE(outcome.keep_alive);
  EXPECT_FALSE(outcome.chunked);
  EXPECT_FALSE(outcome.content_length);
}

TEST(RequestParser, NeedsMoreForEveryProperPrefix) {
  const std::string bytes = "\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(parse_whole(bytes.substr(0, size)).status, Status::need_more) << size;
  }
  EXPECT_TRUE(parse_whole(bytes).accepted());
}

TEST(RequestParser, SkipsOneLeadingEmptyLineAndCountsItAsHead) {
  const std::string bytes = "\r\nGET / HTTP/1.0\r\n\r\n";
  const Outcome outcome = parse_byte_by_byte(bytes);
  ASSERT_TRUE(outcome.accepted()) << outcome;
  EXPECT_EQ(outcome.head_size, bytes.size());
  EXPECT_EQ(parse_whole("\r\n" + bytes).refusal, 400);
}

TEST(RequestParser, TakesThePathOfEachTargetForm) {
  struct {
    const char *method, *target, *path, *query;
  } const cases[] = {
      {"GET", "/", "/", ""},
      {"GET", "/?", "/", ""},
      {"GET", "/?a?b", "/", "a?b"},
      {"GET", "//double/slash", "//double/slash", ""},
      {"GET", "/a:b@c", "/a:b@c", ""},
      {"GET", "/%00%0a", "/%00%0a", ""},
      {"GET", "/\xc3\xa4\xff", "/\xc3\xa4\xff", ""},
      {"GET", "/\"<>\\^`{|}", "/\"<>\\^`{|}", ""},
      {"OPTIONS", "*", "*", ""},
      {"GET", "http://b/c?d", "/c", "d"},
      {"GET", "HTTPS://b:443/c", "/c", ""},
      {"GET", "http://b", "/", ""},
      {"GET", "http://b?x=/", "/", "x=/"},
      {"GET", "http://[::1]:80/", "/", ""},
  };
  for (const auto& item : cases) {
    const Outcome outcome = parse_target(item.target, item.method);
    ASSERT_TRUE(outcome.accepted()) << item.target << ": " << outcome;
    EXPECT_EQ(outcome.target, item.target);
    EXPECT_EQ(outcome.path, item.path) << item.target;
    EXPECT_EQ(outcome.query, item.query) << item.target;
  }
}

TEST(RequestParser, TheTargetsAuthorityReplacesHost) {
  const Outcome outcome = parse_byte_by_byte("GET http://b:81/ HTTP/1.1\r\nX: y\r\nhOST: a\r\n\r\n");
  const decltype(outcome.fields) expected = {{"X", "y"}, {"hOST", "b:81"}};
  EXPECT_EQ(outcome.fields, expected);
}

TEST(RequestParser, TakesUnusualButValidMethods) {
  for (const char* method : {"GET", "M-SEARCH", "VERSION-CONTROL", "A$_", "ABCDEFGHIJKLMNOPQRST", "123"}) {
    EXPECT_EQ(parse_target("/", method).method, method);
  }
}

TEST(RequestParser, TakesValidHosts) {
  for (const char* host : {"a", "a.b-c.example", "a:", "a:0", "a:65535", "127.0.0.1:80", "[::1]",
                           "[::ffff:1.2.3.4]:80", "under_score", "a%20b", "A,b;c", ""}) {
    const Outcome outcome = parse_whole("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_TRUE(outcome.accepted()) << host << ": " << outcome;
  }
}

TEST(RequestParser, HostMayBeMissingInTheOldVersion) {
  EXPECT_TRUE(parse_whole("GET / HTTP/1.0\r\n\r\n").accepted());
}

TEST(RequestParser, KeepsNamesWithUnderscoresAndRepeatedFields) {
  const Outcome outcome = parse_fields("X_Y: 1\r\nX-Y: 2\r\nx-y: 3\r\n");
  const decltype(outcome.fields) expected = {{"Host", "a"}, {"X_Y", "1"}, {"X-Y", "2"}, {"x-y", "3"}};
  EXPECT_EQ(outcome.fields, expected);
}

TEST(RequestParser, ValuesMayHoldTabsAndHighBytes) {
  const Outcome outcome = parse_fields("A: b\tc \xff\x80\r\n");
  ASSERT_TRUE(outcome.accepted());
  EXPECT_EQ(outcome.fields.back().second, "b\tc \xff\x80");
}

TEST(RequestParser, ConnectionDecidesAboutKeepAlive) {
  struct {
    int minor;
    const char* fields;
    bool keep_alive;
  } const cases[] = {
      {1, "", true},
      {1, "Connection: close\r\n", false},
      {1, "Connection: CLOSE\r\n", false},
      {1, "Connection: keep-alive, close\r\n", false},
      {1, "Connection: x ,\tclose ,y\r\n", false},
      {1, "Connection: keep-alive\r\nConnection: close\r\n", false},
      {1, "Connection: closed\r\n", true},
      {1, "Connection: upgrade\r\n", true},
      {1, "Connection:\r\n", true},
      {0, "", false},
      {0, "Connection: keep-alive\r\n", true},
      {0, "Connection: Keep-Alive, x\r\n", true},
      {0, "Connection: keep-alive, close\r\n", false},
      {0, "Connection: x\r\n", false},
  };
  for (const auto& item : cases) {
    EXPECT_EQ(parse_fields(item.fields, item.minor).keep_alive, item.keep_alive)
        << item.minor << ' ' << item.fields;
  }
}

TEST(RequestParser, FramingFieldsDecideAboutTheBody) {
  EXPECT_EQ(parse_fields("Content-Length: 0\r\n").content_length, 0u);
  EXPECT_EQ(parse_fields("content-length:\t007 \r\n").content_length, 7u);
  EXPECT_EQ(parse_fields("Content-Length: 999999999999999999\r\n").content_length, 999999999999999999u);
  EXPECT_EQ(parse_fields("Content-Length: 5\r\n", 0).content_length, 5u);
  EXPECT_TRUE(parse_fields("Transfer-Encoding: chunked\r\n").chunked);
  EXPECT_TRUE(parse_fields("TRANSFER-ENCODING: \tChUnKeD\r\n").chunked);
  EXPECT_FALSE(parse_fields("TE: chunked\r\n").chunked);
}

TEST(RequestParser, ExpectIsForBodiesInTheNewVersion) {
  EXPECT_TRUE(parse_fields("Expect: 100-Continue\r\nContent-Length: 1\r\n").expect_continue);
  EXPECT_TRUE(parse_fields("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n").expect_continue);
  EXPECT_FALSE(parse_fields("Expect: 100-continue\r\n").expect_continue);
  EXPECT_FALSE(parse_fields("Expect: 100-continue\r\nContent-Length: 0\r\n").expect_continue);
  EXPECT_FALSE(parse_fields("Expect: 100-continue\r\nContent-Length: 1\r\n", 0).expect_continue);
  EXPECT_TRUE(parse_fields("Expect: nonsense\r\nContent-Length: 1\r\n", 0).accepted());
}

TEST(RequestParser, TheRequestLineMayBeAsLongAsItsLimit) {
  const Limits limits{.request_line = 30};
  const std::string line = "GET /" + std::string(16, 'a') + " HTTP/1.1";
  ASSERT_EQ(line.size(), 30u);
  EXPECT_TRUE(parse_whole("\r\n" + line + "\r\nHost: a\r\n\r\n", limits).accepted());
  EXPECT_EQ(parse_whole("GET /a" + line.substr(5) + "\r\nHost: a\r\n\r\n", limits).refusal, 414);
}

TEST(RequestParser, AFieldWithItsCrlfMayBeAsLargeAsItsLimit) {
  const Limits limits{.field_size = 20};
  EXPECT_TRUE(parse_whole("GET / HTTP/1.0\r\nABCDE: 78901234567\r\n\r\n", limits).accepted());
  EXPECT_EQ(parse_whole("GET / HTTP/1.0\r\nABCDE: 789012345678\r\n\r\n", limits).refusal, 431);
  EXPECT_EQ(parse_whole("GET / HTTP/1.0\r\nA:\r\n\r\n", Limits{.field_size = 1}).refusal, 431);
}

TEST(RequestParser, ThereMayBeAsManyFieldsAsTheirLimit) {
  const Limits limits{.fields = 2};
  EXPECT_TRUE(parse_whole("GET / HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n", limits).accepted());
  EXPECT_EQ(parse_whole("GET / HTTP/1.0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", limits).refusal, 431);
  EXPECT_EQ((Limits{.fields = 0}.max_fields()), Limits::kMaxFields);
  EXPECT_EQ((Limits{.fields = 1000000}.max_fields()), Limits::kMaxFields);
}

TEST(RequestParser, ABodyMayBeAnnouncedAsLargeAsItsLimit) {
  const Limits limits{.request_body = 10};
  const std::string start = "POST / HTTP/1.0\r\nContent-Length: ";
  EXPECT_TRUE(parse_whole(start + "10\r\n\r\n", limits).accepted());
  EXPECT_EQ(parse_whole(start + "11\r\nExpect: 100-continue\r\n\r\n", limits).refusal, 413);
  EXPECT_EQ(parse_whole(start + "11\r\nContent-Length: 11\r\n\r\n", limits).refusal, 400);
  EXPECT_TRUE(parse_whole(start + "999999999999999999\r\n\r\n").accepted());
}

TEST(RequestParser, AHeadWithoutLimitsIsStillBounded) {
  const Limits limits{.request_line = 0, .fields = 1, .field_size = 0};
  const std::string long_line(Limits::kUnlimitedLine, 'a');
  EXPECT_TRUE(parse_whole("GET /" + std::string(100000, 'a') + " HTTP/1.0\r\n\r\n", limits).accepted());
  EXPECT_EQ(parse_whole("GET /" + long_line + long_line, limits).refusal, 414);
  EXPECT_EQ(parse_whole("GET / HTTP/1.0\r\nA: " + long_line + long_line, limits).refusal, 431);
}

TEST(RequestParser, RefusesAWrongLineBeforeTheHeadIsComplete) {
  EXPECT_EQ(parse_whole("GET / HTTP/1.1 \r\n").refusal, 400);
  EXPECT_EQ(parse_whole("GET / HTTP/1.1\r\nA b: c\r\n").refusal, 400);
  EXPECT_EQ(parse_whole("GET /\n").refusal, 400);
  EXPECT_EQ(parse_whole("\x16\x03\x01").refusal, 400);
}

TEST(RequestParser, SaysTheSameAgainUntilReset) {
  RequestParser parser;
  const std::string good = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(parser.parse("GET  /"), Status::need_more);
  ASSERT_EQ(parser.parse("GET  / HTTP/1.1\r\n"), Status::refused);
  EXPECT_EQ(parser.parse(good), Status::refused);
  parser.reset();
  EXPECT_EQ(parser.parse(good), Status::complete);
  EXPECT_EQ(parser.parse(good + good), Status::complete);
  EXPECT_EQ(parser.head_size(), good.size());
}

TEST(RequestParser, ParsesPipelinedRequestsOneByOne) {
  const std::string one = "POST /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  const std::string two = "GET /two?q HTTP/1.0\r\n\r\n";
  const std::string bytes = one + two;
  RequestParser parser;
  ASSERT_EQ(parser.parse(bytes), Status::complete);
  ASSERT_EQ(parser.head_size(), one.size());
  parser.reset();
  ASSERT_EQ(parser.parse(std::string_view(bytes).substr(one.size())), Status::complete);
  EXPECT_EQ(parser.head_size(), two.size());
  EXPECT_EQ(parser.head().path, "/two");
  EXPECT_TRUE(parser.head().fields.empty());
  EXPECT_FALSE(parser.head().content_length);
}

TEST(RequestParser, UsesItsMemoryAgain) {
  RequestParser parser;
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n";
  ASSERT_EQ(parser.parse(bytes), Status::complete);
  const Field* const memory = parser.head().fields.data();
  parser.reset();
  ASSERT_EQ(parser.parse(bytes), Status::complete);
  EXPECT_EQ(parser.head().fields.data(), memory);
}

// The cost of a head fed byte by byte is linear only if what was searched is never searched again. A value's
// bytes are spoiled once they were searched: a parser that went back would find the control characters and
// refuse.
TEST(RequestParser, DoesNotSearchTheSameBytesTwice) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX: v" + std::string(3000, 'v') + "w\r\n\r\n";
  const std::size_t value = bytes.find("vv");
  RequestParser parser;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    ASSERT_EQ(parser.parse(std::string_view(bytes).substr(0, size)), Status::need_more) << size;
    if (size > value && size < value + 2000) bytes[size - 1] = '\x01';
  }
  EXPECT_EQ(parser.parse(bytes), Status::complete);
}

// The same for whole lines: once taken, they are not looked at again.
TEST(RequestParser, DoesNotLookAtTakenLinesAgain) {
  std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX: v\r\n\r\n";
  const std::size_t taken = bytes.find("X: v");
  RequestParser parser;
  ASSERT_EQ(parser.parse(std::string_view(bytes).substr(0, taken)), Status::need_more);
  std::fill_n(bytes.begin(), taken, '\0');
  ASSERT_EQ(parser.parse(bytes), Status::complete);
  EXPECT_EQ(parser.head().content_length, 12u);
}

TEST(RequestParser, TakesTheLargestHeadByteByByte) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i) bytes += "X: " + std::string(8185, 'v') + "\r\n";
  bytes += "\r\n";
  const Outcome outcome = parse_byte_by_byte(bytes, {}, Buffer::stays);
  ASSERT_TRUE(outcome.accepted()) << outcome;
  EXPECT_EQ(outcome.fields.size(), 100u);
  EXPECT_LE(outcome.head_size, Limits{}.head_bytes());
}

}  // namespace
}  // namespace gserve::http::test
