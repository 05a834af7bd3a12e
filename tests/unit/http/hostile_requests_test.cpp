// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {
namespace {

using namespace std::string_literals;

/// A request that a lenient parser has been seen to accept, or that is broken in a way clients and attackers
/// use.
struct Hostile {
  const char* name;
  std::string bytes;
  int status;
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) {
  return out << escaped(hostile.bytes.substr(0, 200));
}

std::string with_line(const std::string& line) {
  return line + "\r\nHost: a\r\n\r\n";
}
std::string with_fields(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string old_with_fields(const std::string& fields) {
  return "POST / HTTP/1.0\r\n" + fields + "\r\n";
}
std::string with_host(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}
std::string many_fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
  return fields;
}

const Hostile kRequestLines[] = {
    {"EmptyLine", "\r\n\r\n", 400},
    {"BareLfAfterLine", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"BareLfEverywhere", "GET / HTTP/1.1\nHost: a\n\n", 400},
    {"BareLfFirst", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"BareCrInLine", with_line("GET /\r HTTP/1.1"), 400},
    {"BareCrBeforeCrlf", with_line("GET / HTTP/1.1\r"), 400},
    {"CrFirst", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"NulInLine", with_line("GET /\0 HTTP/1.1"s), 400},
    {"NulInMethod", with_line("G\0ET / HTTP/1.1"s), 400},
    {"EscapeInTarget", with_line("GET /\x1b[0m HTTP/1.1"), 400},
    {"DelInTarget", with_line("GET /\x7f HTTP/1.1"), 400},
    {"TwoSpacesBeforeTarget", with_line("GET  / HTTP/1.1"), 400},
    {"TwoSpacesBeforeVersion", with_line("GET /  HTTP/1.1"), 400},
    {"SpaceInTarget", with_line("GET /a b HTTP/1.1"), 400},
    {"TrailingSpace", with_line("GET / HTTP/1.1 "), 400},
    {"LeadingSpace", with_line(" GET / HTTP/1.1"), 400},
    {"TabInsteadOfSpace", with_line("GET\t/\tHTTP/1.1"), 400},
    {"TabInTarget", with_line("GET /\ta HTTP/1.1"), 400},
    {"TabAfterVersion", with_line("GET / HTTP/1.1\t"), 400},
    {"NoTarget", with_line("GET HTTP/1.1"), 400},
    {"NoVersion", with_line("GET /"), 400},
    {"OneWord", with_line("GET"), 400},
    {"LowerCaseMethod", with_line("get / HTTP/1.1"), 400},
    {"MethodWithHash", with_line("GET# / HTTP/1.1"), 400},
    {"MethodWithColon", with_line("GET: / HTTP/1.1"), 400},
    {"MethodWithHighByte", with_line("G\xc3\x89T / HTTP/1.1"), 400},
    {"MethodTooShort", with_line("GE / HTTP/1.1"), 400},
    {"MethodTooLong", with_line("ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1"), 400},
    {"LowerCaseVersion", with_line("GET / http/1.1"), 400},
    {"VersionWithoutMinor", with_line("GET / HTTP/1"), 400},
    {"VersionWithLetter", with_line("GET / HTTP/1.x"), 400},
    {"VersionWithLongMinor", with_line("GET / HTTP/1.10"), 400},
    {"VersionWithLeadingZero", with_line("GET / HTTP/01.1"), 400},
    {"VersionWithPlus", with_line("GET / HTTP/+1.1"), 400},
    {"OtherProtocol", with_line("GET / ICAP/1.1"), 400},
    {"VersionOneTwo", with_line("GET / HTTP/1.2"), 505},
    {"VersionTwo", with_line("GET / HTTP/2.0"), 505},
    {"VersionZeroNine", with_line("GET / HTTP/0.9"), 505},
    {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"TlsHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
    {"Connect", with_line("CONNECT a:443 HTTP/1.1"), 501},
    {"RelativeTarget", with_line("GET index.html HTTP/1.1"), 400},
    {"AuthorityTarget", with_line("GET a:80 HTTP/1.1"), 400},
    {"FragmentInTarget", with_line("GET /a#b HTTP/1.1"), 400},
    {"AsteriskForGet", with_line("GET * HTTP/1.1"), 400},
    {"AsteriskAndMore", with_line("OPTIONS *a HTTP/1.1"), 400},
    {"AbsoluteOtherScheme", with_line("GET ftp://a/ HTTP/1.1"), 400},
    {"AbsoluteWithoutHost", with_line("GET http:///a HTTP/1.1"), 400},
    {"AbsoluteWithUser", with_line("GET http://user@a/ HTTP/1.1"), 400},
    {"AbsoluteWithBadPort", with_line("GET http://a:8x/ HTTP/1.1"), 400},
    {"LineTooLong", with_line("GET /" + std::string(5000, 'a') + " HTTP/1.1"), 414},
    {"LineTooLongWithoutEnd", "GET /" + std::string(5000, 'a'), 414},
    {"ControlBeyondTheLimit", "GET /" + std::string(5000, 'a') + "\x01", 414},
};

const Hostile kFields[] = {
    {"BareLfAfterField", with_fields("A: b\nC: d\r\n"), 400},
    {"BareLfAtEnd", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"BareCrInValue", with_fields("A: b\rc\r\n"), 400},
    {"CrCrLf", with_fields("A: b\r\r\n"), 400},
    {"CrAtEndWithoutLf", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
    {"NulInValue", with_fields("A: b\0c\r\n"s), 400},
    {"NulInName", with_fields("A\0: b\r\n"s), 400},
    {"BellInValue", with_fields("A: \a\r\n"), 400},
    {"DelInValue", with_fields("A: \x7f\r\n"), 400},
    {"VerticalTabBeforeValue", with_fields("Transfer-Encoding:\vchunked\r\n"), 400},
    {"SpaceBeforeColon", with_fields("A : b\r\n"), 400},
    {"TabBeforeColon", with_fields("Content-Length\t: 5\r\n"), 400},
    {"SpaceInName", with_fields("A B: c\r\n"), 400},
    {"NoColon", with_fields("Abc\r\n"), 400},
    {"EmptyName", with_fields(": b\r\n"), 400},
    {"HighByteInName", with_fields("\xc3\x84: b\r\n"), 400},
    {"ParenthesisInName", with_fields("A(b): c\r\n"), 400},
    {"QuoteInName", with_fields("\"A\": c\r\n"), 400},
    {"FoldedWithSpace", with_fields("A: b\r\n c\r\n"), 400},
    {"FoldedWithTab", with_fields("A: b\r\n\tc\r\n"), 400},
    {"FoldedFirstField", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"FoldedTransferEncoding", with_fields("Transfer-Encoding:\r\n chunked\r\n"), 400},
    {"LineOfBlanks", with_fields("   \r\n"), 400},
    {"TwoContentTypes", with_fields("Content-Type: text/plain\r\ncontent-type: text/html\r\n"), 400},
    {"TooManyFields", with_fields(many_fields(100)), 431},
    {"FieldTooLarge", with_fields("A: " + std::string(9000, 'b') + "\r\n"), 431},
    {"FieldTooLargeWithoutEnd", "GET / HTTP/1.1\r\nA: " + std::string(9000, 'b'), 431},
    {"NameTooLarge", with_fields(std::string(9000, 'b') + ": a\r\n"), 431},
};

const Hostile kHosts[] = {
    {"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
    {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"TwoEqualHosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
    {"TwoHostsInOldVersion", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"HostWithSpace", with_host("a b"), 400},
    {"HostList", with_host("a, b"), 400},
    {"HostWithPath", with_host("a/b"), 400},
    {"HostWithUser", with_host("user@a"), 400},
    {"HostWithQuery", with_host("a?b"), 400},
    {"HostWithBadPort", with_host("a:b"), 400},
    {"HostWithHugePort", with_host("a:65536"), 400},
    {"HostWithTwoPorts", with_host("a:1:2"), 400},
    {"HostOnlyPort", with_host(":80"), 400},
    {"HostOpenBracket", with_host("[::1"), 400},
    {"HostOneCharacterInBrackets", with_host("[:]"), 400},
    {"HostEmptyBrackets", with_host("[]"), 400},
    {"HostBracketsAndMore", with_host("[::1]a"), 400},
    {"HostNotHexInBrackets", with_host("[::g]"), 400},
    {"HostBareIpv6", with_host("::1"), 400},
    {"HostHighByte", with_host("\xc3\xa4"), 400},
    {"HostBadPercent", with_host("a%2"), 400},
    {"HostBackslash", with_host("a\\b"), 400},
    {"HostMarkup", with_host("<script>"), 400},
};

const Hostile kFraming[] = {
    {"LengthEmpty", with_fields("Content-Length:\r\n"), 400},
    {"LengthPlus", with_fields("Content-Length: +5\r\n"), 400},
    {"LengthMinus", with_fields("Content-Length: -5\r\n"), 400},
    {"LengthHex", with_fields("Content-Length: 0x5\r\n"), 400},
    {"LengthFraction", with_fields("Content-Length: 5.0\r\n"), 400},
    {"LengthUnderscore", with_fields("Content-Length: 1_0\r\n"), 400},
    {"LengthSpace", with_fields("Content-Length: 1 0\r\n"), 400},
    {"LengthList", with_fields("Content-Length: 5, 5\r\n"), 400},
    {"LengthHighDigits", with_fields("Content-Length: \xd9\xa5\r\n"), 400},
    {"LengthNineteenDigits", with_fields("Content-Length: 1000000000000000000\r\n"), 400},
    {"LengthOverflow", with_fields("Content-Length: 18446744073709551621\r\n"), 400},
    {"TwoLengths", with_fields("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
    {"TwoEqualLengths", with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
    {"TwoLengthsInOldVersion", old_with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
    {"LengthThenChunked", with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"ChunkedThenLength", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
    {"ChunkedThenZeroLength", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400},
    {"ChunkedInOldVersion", old_with_fields("Transfer-Encoding: chunked\r\n"), 400},
    {"TwiceChunked", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"ChunkedThenIdentityField", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
     400},
    {"ChunkedTwiceInList", with_fields("Transfer-Encoding: chunked, chunked\r\n"), 400},
    {"ChunkedThenIdentity", with_fields("Transfer-Encoding: chunked, identity\r\n"), 400},
    {"CodingEmpty", with_fields("Transfer-Encoding:\r\n"), 400},
    {"CodingEmptyMember", with_fields("Transfer-Encoding: , chunked\r\n"), 400},
    {"CodingXchunked", with_fields("Transfer-Encoding: xchunked\r\n"), 501},
    {"CodingChunkedX", with_fields("Transfer-Encoding: chunkedx\r\n"), 501},
    {"CodingGzip", with_fields("Transfer-Encoding: gzip\r\n"), 501},
    {"CodingGzipChunked", with_fields("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"CodingIdentity", with_fields("Transfer-Encoding: identity\r\n"), 501},
    {"CodingWithParameter", with_fields("Transfer-Encoding: chunked;q=1\r\n"), 501},
    {"CodingQuoted", with_fields("Transfer-Encoding: \"chunked\"\r\n"), 501},
    {"ExpectOther", with_fields("Expect: 200-ok\r\nContent-Length: 5\r\n"), 417},
    {"ExpectEmpty", with_fields("Expect:\r\n"), 417},
    {"ExpectList", with_fields("Expect: 100-continue, x\r\n"), 417},
};

class HostileRequest : public testing::TestWithParam<Hostile> {};

TEST_P(HostileRequest, IsRefusedWithTheRightStatus) {
  const Outcome outcome = parse_whole(GetParam().bytes);
  EXPECT_EQ(outcome.status, RequestParser::Status::refused);
  EXPECT_EQ(outcome.refusal, GetParam().status) << outcome;
  EXPECT_FALSE(outcome.reason.empty());
}

TEST_P(HostileRequest, IsRefusedTheSameWayByteByByte) {
  const Outcome whole = parse_whole(GetParam().bytes);
  EXPECT_EQ(parse_byte_by_byte(GetParam().bytes, {}, Buffer::stays), whole);
  EXPECT_EQ(parse_byte_by_byte(GetParam().bytes, {}, Buffer::moves), whole);
}

std::string case_name(const testing::TestParamInfo<Hostile>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(RequestLine, HostileRequest, testing::ValuesIn(kRequestLines), case_name);
INSTANTIATE_TEST_SUITE_P(Fields, HostileRequest, testing::ValuesIn(kFields), case_name);
INSTANTIATE_TEST_SUITE_P(Host, HostileRequest, testing::ValuesIn(kHosts), case_name);
INSTANTIATE_TEST_SUITE_P(Framing, HostileRequest, testing::ValuesIn(kFraming), case_name);

}  // namespace
}  // namespace gserve::http::test
