// SPDX-License-Identifier: MIT
// gunicorn's compatibility switches, each alone: what it lets through, and that nothing else gets through.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {
namespace {

constexpr Leniency kFolding{.obsolete_folding = true};
constexpr Leniency kSpaces{.header_spaces = true};
constexpr Leniency kMethods{.unconventional_method = true};
constexpr Leniency kVersions{.unconventional_version = true};
constexpr Leniency kCasefold{.casefold_method = true};
constexpr Leniency kAll{true, true, true, true, true};

Outcome parse(const std::string& bytes, Leniency leniency, Limits limits = {}) {
  Outcome whole = parse_whole(bytes, limits, leniency);
  EXPECT_EQ(parse_byte_by_byte(bytes, limits, Buffer::moves, leniency), whole) << escaped(bytes);
  return whole;
}

Outcome with_fields(const std::string& fields, Leniency leniency, Limits limits = {}) {
  return parse("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", leniency, limits);
}

Outcome with_line(const std::string& line, Leniency leniency) {
  return parse(line + "\r\nHost: a\r\n\r\n", leniency);
}

std::string last_value(const Outcome& outcome) {
  return outcome.fields.empty() ? "refused: " + outcome.reason : outcome.fields.back().second;
}

TEST(ObsoleteFolding, JoinsTheLinesOfAField) {
  EXPECT_EQ(last_value(with_fields("A: b\r\n  c\t\r\n\td\r\n", kFolding)), "b c d");
  EXPECT_EQ(last_value(with_fields("A:\r\n b\r\n", kFolding)), "b");
  EXPECT_EQ(last_value(with_fields("A: b\r\n \r\n", kFolding)), "b");
  const Outcome two = with_fields("A: b\r\n c\r\nD: e\r\nF: g\r\n h\r\n", kFolding);
  const decltype(two.fields) expected = {{"Host", "a"}, {"A", "b c"}, {"D", "e"}, {"F", "g h"}};
  EXPECT_EQ(two.fields, expected);
}

TEST(ObsoleteFolding, RulesSeeTheJoinedValue) {
  EXPECT_TRUE(with_fields("Transfer-Encoding:\r\n chunked\r\n", kFolding).chunked);
  EXPECT_EQ(with_fields("Transfer-Encoding: chunked\r\n , chunked\r\n", kFolding).refusal, 400);
  EXPECT_EQ(with_fields("Content-Length: 1\r\n 1\r\n", kFolding).refusal, 400);
  EXPECT_EQ(with_fields("Content-Length: 1\r\nTransfer-Encoding:\r\n chunked\r\n", kFolding).refusal, 400);
  EXPECT_EQ(with_fields("X: y\r\n Host: b\r\n", kFolding).fields.size(), 2u);
  EXPECT_FALSE(with_fields("Connection: x,\r\n close\r\n", kFolding).keep_alive);
}

TEST(ObsoleteFolding, CountsAllLinesOfAFieldAgainstItsLimit) {
  const Limits limits{.field_size = 20};
  EXPECT_TRUE(with_fields("A: 345678\r\n 234567\r\n", kFolding, limits).accepted());
  EXPECT_EQ(with_fields("A: 345678\r\n 2345678\r\n", kFolding, limits).refusal, 431);
  EXPECT_TRUE(with_fields("A: 345678\r\nBC: 12345678\r\n", kFolding, limits).accepted());
}

TEST(ObsoleteFolding, NeedsAFieldToGoOnWith) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\n Host: a\r\n\r\n", kFolding).refusal, 400);
  EXPECT_EQ(with_fields("A: b\n c\r\n", kFolding).refusal, 400);
  EXPECT_EQ(with_fields("A: b\r\n c\x01\r\n", kFolding).refusal, 400);
}

TEST(HeaderSpaces, MayStandBeforeTheColonOnly) {
  const Outcome outcome = with_fields("Content-Length \t: 5\r\n", kSpaces);
  EXPECT_EQ(outcome.content_length, 5u) << outcome;
  EXPECT_EQ(outcome.fields.back().first, "Content-Length");
  EXPECT_EQ(with_fields("A b: c\r\n", kSpaces).refusal, 400);
  EXPECT_EQ(with_fields("A \r\n", kSpaces).refusal, 400);
  EXPECT_EQ(with_fields(" : c\r\n", kSpaces).refusal, 400);
  EXPECT_EQ(with_fields(" A: c\r\n", kSpaces).refusal, 400);
  EXPECT_EQ(with_fields("Content-Length: 5\r\nContent-Length : 6\r\n", kSpaces).refusal, 400);
}

TEST(UnconventionalMethods, AreAnyToken) {
  for (const std::string method : {"get", "G", "G#T", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}) {
    EXPECT_EQ(with_line(method + " / HTTP/1.1", kMethods).method, method);
  }
  EXPECT_EQ(with_line("G(T / HTTP/1.1", kMethods).refusal, 400);
  EXPECT_EQ(with_line(" / HTTP/1.1", kMethods).refusal, 400);
  EXPECT_EQ(with_line("CONNECT / HTTP/1.1", kMethods).refusal, 501);
}

TEST(UnconventionalVersions, AreTakenForTheOneWhoseRulesHold) {
  struct {
    const char* version;
    int minor;
  } const cases[] = {{"0.9", 0}, {"1.0", 0}, {"1.1", 1}, {"1.2", 1}, {"2.0", 1}, {"9.9", 1}};
  for (const auto& [version, minor] : cases) {
    const Outcome outcome = with_line("GET / HTTP/" + std::string(version), kVersions);
    ASSERT_TRUE(outcome.accepted()) << version << ": " << outcome;
    EXPECT_EQ(outcome.minor_version, minor) << version;
    EXPECT_EQ(outcome.keep_alive, minor == 1) << version;
  }
  for (const char* version : {"HTTP/1", "HTTP/1.10", "http/1.1", "HTTP/x.1", "HTTP/11"}) {
    EXPECT_EQ(with_line("GET / " + std::string(version), kVersions).refusal, 400) << version;
  }
}

TEST(CasefoldedMethods, AreInUpperCaseWhereLowerCaseIsPermitted) {
  EXPECT_EQ(with_line("get / HTTP/1.1", kCasefold).refusal, 400) << "as in gunicorn";
  const Leniency both{.unconventional_method = true, .casefold_method = true};
  const Outcome outcome = with_line("gEt-x / HTTP/1.1", both);
  EXPECT_EQ(outcome.method, "GET-X");
  EXPECT_EQ(outcome.line, "gEt-x / HTTP/1.1");
  EXPECT_TRUE(with_line("options * HTTP/1.1", both).accepted());
  EXPECT_EQ(with_line("connect a:1 HTTP/1.1", both).refusal, 501);
}

TEST(Leniency, LoosensNoOtherRule) {
  for (const std::string fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Host: b\r\n", "A: b\rc\r\n",
        "Content-Length: +5\r\n", "A\x80: b\r\n", "Content-Length: 5\r\ncontent-length: 5\r\n"}) {
    EXPECT_EQ(with_fields(fields, kAll).refusal, 400) << escaped(fields);
  }
  EXPECT_EQ(with_line("GET  / HTTP/1.1", kAll).refusal, 400);
  EXPECT_EQ(with_line("GET * HTTP/1.1", kAll).refusal, 400);
}

TEST(Leniency, IsForgottenWithTheRequest) {
  RequestParser parser({}, kAll);
  const std::string first = "get / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n";
  const std::string second = "POST / HTTP/1.1\r\nHost: a\r\nA: d\r\n\r\n";
  ASSERT_EQ(parser.parse(first), RequestParser::Status::complete);
  EXPECT_EQ(parser.head().fields[1].value, "b c");
  parser.reset();
  ASSERT_EQ(parser.parse(second), RequestParser::Status::complete);
  EXPECT_EQ(parser.head().method, "POST");
  EXPECT_EQ(parser.head().fields[1].value, "d");
}

}  // namespace
}  // namespace gserve::http::test
