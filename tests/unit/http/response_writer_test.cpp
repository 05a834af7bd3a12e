// SPDX-License-Identifier: MIT
#include "worker/http/response_writer.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gserve::http {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr ResponseWriter::Request kGet{};
constexpr ResponseWriter::Request kHead{.head = true};
constexpr ResponseWriter::Request kOld{.minor_version = 0, .keep_alive = false};
constexpr ResponseWriter::Request kOldKept{.minor_version = 0, .keep_alive = true};

std::string head_of(ResponseWriter& writer, std::optional<std::uint64_t> whole = std::nullopt) {
  std::string out;
  writer.make_head(out, kDate, whole);
  return out;
}

bool has(const std::string& head, const std::string& line) {
  return head.find("\r\n" + line + "\r\n") != head.npos;
}
bool mentions(const std::string& head, const std::string& name) {
  return head.find("\r\n" + name + ":") != head.npos;
}

TEST(ResponseWriter, WritesAWholeHead) {
  ResponseWriter writer(kGet);
  const Field fields[] = {{"Content-Type", "text/plain"}, {"X-A", " b \t"}, {"X-A", ""}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  EXPECT_TRUE(writer.started());
  EXPECT_FALSE(writer.head_made());
  EXPECT_FALSE(writer.keeps_alive());
  EXPECT_EQ(
      head_of(writer, 5),
      "HTTP/1.1 200 OK\r\nServer: gserve\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: keep-alive\r\n"
      "Content-Type: text/plain\r\nX-A: b\r\nX-A: \r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(writer.head_made());
  EXPECT_TRUE(writer.keeps_alive());
  EXPECT_EQ(writer.status_code(), 200);
}

/// How a response is framed: what the application gave, and what must come of it.
struct Framing {
  const char* name;
  ResponseWriter::Request request;
  const char* status;
  const char* length;  // the application's Content-Length, or none
  std::optional<std::uint64_t> whole;
  const char* sent_length;  // or none
  bool chunked;
  bool keep_alive;
  std::size_t sends;  // of a body of 10 bytes
};

const Framing kFraming[] = {
    {"Chunked", kGet, "200 OK", nullptr, {}, nullptr, true, true, 10},
    {"Length", kGet, "200 OK", "10", {}, "10", false, true, 10},
    {"ShorterLengthCuts", kGet, "200 OK", "4", {}, "4", false, true, 4},
    {"WholeBody", kGet, "200 OK", nullptr, 10, "10", false, true, 10},
    {"WholeBodyAndLength", kGet, "200 OK", "10", 10, "10", false, true, 10},
    {"WholeBodyTooShort", kGet, "200 OK", "12", 10, "12", false, false, 10},
    {"WholeEmptyBody", kGet, "200 OK", nullptr, 0, "0", false, true, 0},
    {"LeadingZeros", kGet, "200 OK", "0010", {}, "10", false, true, 10},
    {"HeadKeepsLength", kHead, "200 OK", "10", {}, "10", false, true, 0},
    {"HeadKeepsLengthOfUnsentBody", kHead, "200 OK", "10", 0, "10", false, true, 0},
    {"HeadWithoutLength", kHead, "200 OK", nullptr, {}, nullptr, false, true, 0},
    {"HeadWithWholeBody", kHead, "200 OK", nullptr, 10, "10", false, true, 0},
    {"HeadWithEmptyBody", kHead, "200 OK", nullptr, 0, nullptr, false, true, 0},
    {"NoContent", kGet, "204 No Content", nullptr, 0, nullptr, false, true, 0},
    {"NoContentWithLength", kGet, "204 No Content", "0", 0, nullptr, false, true, 0},
    {"NotModified", kGet, "304 Not Modified", nullptr, 0, nullptr, false, true, 0},
    {"NotModifiedWithLength", kGet, "304 Not Modified", "10", 0, "10", false, true, 0},
    {"Informational", kGet, "101 Switching Protocols", "10", {}, nullptr, false, false, 0},
    {"ServerError", kGet, "500 Internal Server Error", nullptr, 10, "10", false, true, 10},
    {"OldWithoutLength", kOldKept, "200 OK", nullptr, {}, nullptr, false, false, 10},
    {"OldWithLength", kOldKept, "200 OK", "10", {}, "10", false, true, 10},
    {"OldWithWholeBody", kOldKept, "200 OK", nullptr, 10, "10", false, true, 10},
    {"OldNotKept", kOld, "200 OK", "10", {}, "10", false, false, 10},
    {"OldNoContent", kOldKept, "204 No Content", nullptr, 0, nullptr, false, true, 0},
};

class ResponseFraming : public testing::TestWithParam<Framing> {};

TEST_P(ResponseFraming, FollowsTheRules) {
  const Framing& item = GetParam();
  ResponseWriter writer(item.request);
  std::vector<Field> fields;
  if (item.length != nullptr) fields.push_back({"Content-Length", item.length});
  ASSERT_EQ(writer.start(item.status, fields), nullptr);
  const std::string head = head_of(writer, item.whole);
  EXPECT_EQ(has(head, "Transfer-Encoding: chunked"), item.chunked) << head;
  EXPECT_EQ(mentions(head, "Content-Length"), item.sent_length != nullptr) << head;
  if (item.sent_length != nullptr) {
    EXPECT_TRUE(has(head, "Content-Length: " + std::string(item.sent_length))) << head;
  }
  EXPECT_TRUE(has(head, item.keep_alive ? "Connection: keep-alive" : "Connection: close")) << head;
  EXPECT_EQ(writer.keeps_alive(), item.keep_alive);
  EXPECT_EQ(writer.frame(10).send, item.sends);
  EXPECT_EQ(writer.end(), item.chunked ? "0\r\n\r\n" : "");
}

std::string case_name(const testing::TestParamInfo<Framing>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(Cases, ResponseFraming, testing::ValuesIn(kFraming), case_name);

TEST(ResponseWriter, ChunksHaveASizeLineAndCrlf) {
  ResponseWriter writer(kGet);
  ASSERT_EQ(writer.start("200 OK", {}), nullptr);
  head_of(writer);
  const ResponseWriter::Frame frame = writer.frame(0x1a2b);
  EXPECT_EQ(frame.send, 0x1a2bu);
  EXPECT_EQ(frame.before, "1a2b\r\n");
  EXPECT_EQ(frame.after, "\r\n");
  const ResponseWriter::Frame most = writer.frame(SIZE_MAX);
  EXPECT_EQ(most.before, "ffffffffffffffff\r\n");
}

TEST(ResponseWriter, AnEmptyPieceDoesNotEndAChunkedBody) {
  ResponseWriter writer(kGet);
  ASSERT_EQ(writer.start("200 OK", {}), nullptr);
  head_of(writer);
  const ResponseWriter::Frame frame = writer.frame(0);
  EXPECT_EQ(frame.send, 0u);
  EXPECT_TRUE(frame.before.empty());
  EXPECT_TRUE(frame.after.empty());
}

TEST(ResponseWriter, CutsTheBodyAtContentLength) {
  ResponseWriter writer(kGet);
  const Field fields[] = {{"content-length", "10"}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  head_of(writer);
  EXPECT_EQ(writer.frame(6).send, 6u);
  EXPECT_TRUE(writer.short_of_length());
  EXPECT_EQ(writer.frame(6).send, 4u);
  EXPECT_EQ(writer.frame(6).send, 0u);
  EXPECT_FALSE(writer.short_of_length());
  EXPECT_EQ(writer.body_sent(), 10u);
}

TEST(ResponseWriter, OnlyBodiesThatAreSentCanFallShort) {
  ResponseWriter writer(kHead);
  const Field fields[] = {{"Content-Length", "10"}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  head_of(writer);
  EXPECT_FALSE(writer.short_of_length());
}

TEST(ResponseWriter, KeepsTheApplicationsDateAndServer) {
  ResponseWriter writer(kGet);
  const Field fields[] = {{"DATE", "then"}, {"server", "mine"}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  const std::string head = head_of(writer, 0);
  EXPECT_TRUE(has(head, "DATE: then"));
  EXPECT_TRUE(has(head, "server: mine"));
  EXPECT_EQ(head.find("gserve"), head.npos);
  EXPECT_EQ(head.find(kDate), head.npos);
}

TEST(ResponseWriter, ConnectionCloseOfTheApplicationIsHonoured) {
  ResponseWriter writer(kGet);
  const Field fields[] = {{"connection", "Close"}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  const std::string head = head_of(writer, 5);
  EXPECT_TRUE(has(head, "Connection: close"));
  EXPECT_FALSE(mentions(head, "connection"));
  EXPECT_FALSE(writer.keeps_alive());
}

TEST(ResponseWriter, ADrainingServerSaysClose) {
  ResponseWriter writer(kGet);
  ASSERT_EQ(writer.start("200 OK", {}), nullptr);
  writer.forbid_keep_alive();
  EXPECT_TRUE(has(head_of(writer, 5), "Connection: close"));
}

TEST(ResponseWriter, RefusesWhatAnApplicationMayNotSet) {
  const Field cases[] = {
      {"Connection", "keep-alive"},
      {"Connection", "close, x"},
      {"Keep-Alive", "timeout=5"},
      {"Proxy-Authenticate", "x"},
      {"proxy-authorization", "x"},
      {"Proxy-Connection", "close"},
      {"TE", "x"},
      {"Trailers", "x"},
      {"transfer-encoding", "chunked"},
      {"Upgrade", "websocket"},
      {"", "x"},
      {"A B", "x"},
      {"A:", "x"},
      {"A\r\nB", "x"},
      {"A\0"sv, "x"},
      {"\xc3\xa4", "x"},
      {"A", "b\r\nC: d"},
      {"A", "b\n"},
      {"A", "b\r"},
      {"A", "b\0c"sv},
      {"A", "\x1b[0m"},
      {"A", "\x7f"},
      {"Content-Length", ""},
      {"Content-Length", "+5"},
      {"Content-Length", "5, 5"},
      {"Content-Length", "-1"},
      {"Content-Length", "1000000000000000000"},
  };
  for (const Field& field : cases) {
    ResponseWriter writer(kGet);
    const Field fields[] = {{"X", "y"}, field};
    EXPECT_NE(writer.start("200 OK", fields), nullptr) << field.name << ": " << field.value;
    EXPECT_FALSE(writer.started());
  }
}

TEST(ResponseWriter, RefusesTwoContentLengths) {
  ResponseWriter writer(kGet);
  const Field fields[] = {{"Content-Length", "5"}, {"content-length", "5"}};
  EXPECT_NE(writer.start("200 OK", fields), nullptr);
}

TEST(ResponseWriter, ChecksTheStatus) {
  for (const std::string_view status :
       {""sv, "20"sv, "OK"sv, "2000"sv, "200OK"sv, "099 X"sv, "-20 X"sv, "2x0 X"sv, " 200 OK"sv,
        "200 O\r\nK"sv, "200 \0"sv, "200 \x7f"sv, "200\tOK"sv}) {
    ResponseWriter writer(kGet);
    EXPECT_NE(writer.start(status, {}), nullptr) << status;
    EXPECT_FALSE(writer.started());
  }
  for (const std::string_view status :
       {"200"sv, "200 "sv, "299 Sehr sch\xf6n"sv, "999 X"sv, "100 Continue"sv}) {
    ResponseWriter writer(kGet);
    EXPECT_EQ(writer.start(status, {}), nullptr) << status;
  }
}

TEST(ResponseWriter, AStatusWithoutReasonStillGetsItsSpace) {
  ResponseWriter writer(kGet);
  ASSERT_EQ(writer.start("404", {}), nullptr);
  EXPECT_EQ(head_of(writer, 0).substr(0, 15), "HTTP/1.1 404 \r\n");
}

TEST(ResponseWriter, StartingAgainReplacesEverything) {
  ResponseWriter writer(kGet);
  const Field first[] = {{"Content-Length", "5"}, {"X-First", "1"}, {"Server", "x"}, {"Connection", "close"}};
  const Field second[] = {{"X-Second", "2"}};
  ASSERT_EQ(writer.start("200 OK", first), nullptr);
  ASSERT_EQ(writer.start("500 Oops", second), nullptr);
  const std::string head = head_of(writer);
  EXPECT_EQ(head.substr(0, 17), "HTTP/1.1 500 Oops");
  EXPECT_FALSE(mentions(head, "X-First"));
  EXPECT_FALSE(mentions(head, "Content-Length"));
  EXPECT_TRUE(has(head, "Server: gserve"));
  EXPECT_TRUE(has(head, "X-Second: 2"));
  EXPECT_TRUE(writer.keeps_alive());
}

TEST(ResponseWriter, CannotStartOnceTheHeadWasMade) {
  ResponseWriter writer(kGet);
  ASSERT_EQ(writer.start("200 OK", {}), nullptr);
  head_of(writer);
  EXPECT_NE(writer.start("500 Oops", {}), nullptr);
  EXPECT_EQ(writer.status_code(), 200);
}

TEST(ResponseWriter, ResetForgetsTheResponse) {
  ResponseWriter writer(kHead);
  const Field fields[] = {{"Content-Length", "5"}};
  ASSERT_EQ(writer.start("200 OK", fields), nullptr);
  head_of(writer);
  writer.reset(kOldKept);
  EXPECT_FALSE(writer.started());
  EXPECT_FALSE(writer.head_made());
  EXPECT_FALSE(writer.keeps_alive());
  ASSERT_EQ(writer.start("201 Created", {}), nullptr);
  EXPECT_FALSE(mentions(head_of(writer), "Content-Length"));
  EXPECT_EQ(writer.frame(7).send, 7u);
  EXPECT_EQ(writer.body_sent(), 7u);
}

TEST(EarlyHints, AreAWholeInterimResponse) {
  std::string out = "before";
  const Field fields[] = {{"Link", "</a.css>; rel=preload"}};
  ASSERT_EQ(append_early_hints(out, fields), nullptr);
  EXPECT_EQ(out, "beforeHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
}

TEST(EarlyHints, AWrongFieldLeavesTheOutputAlone) {
  for (const Field& field :
       {Field{"A", "b\r\n"}, Field{"Connection", "close"}, Field{"Content-Length", "1"}, Field{"", ""}}) {
    std::string out = "before";
    const Field fields[] = {{"Link", "x"}, field};
    EXPECT_NE(append_early_hints(out, fields), nullptr) << field.name;
    EXPECT_EQ(out, "before");
  }
}

TEST(ErrorResponse, IsCompleteClosesAndEscapesItsReason) {
  const std::string out = error_response(431, "<b> & co", kDate);
  const std::size_t end = out.find("\r\n\r\n");
  ASSERT_NE(end, out.npos);
  const std::string head = out.substr(0, end + 2), body = out.substr(end + 4);
  EXPECT_EQ(head.substr(0, head.find("\r\n")), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_TRUE(has(head, "Connection: close"));
  EXPECT_TRUE(has(head, "Date: " + std::string(kDate)));
  EXPECT_TRUE(has(head, "Content-Length: " + std::to_string(body.size())));
  EXPECT_NE(body.find("&lt;b&gt; &amp; co"), body.npos);
  EXPECT_EQ(error_response(400, "x").find("Date:"), std::string::npos);
}

}  // namespace
}  // namespace gserve::http
