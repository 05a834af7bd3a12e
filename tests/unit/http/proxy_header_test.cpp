// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/http/http_driver.h"
#include "tests/unit/http/reference_proxy.h"

namespace gserve::http::test {
namespace {

using Status = ProxyOutcome::Status;
using namespace std::string_literals;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n\r\n";
constexpr int kAbsent = -1;
constexpr int kMore = -2;

const std::string kV4 =
    "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x01\xbb"s;  // 192.0.2.7:4711 to 10.0.0.1:443
const std::string kV6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s + std::string(15, '\0') + "\x01\x10\xe1\x00\x50"s;
const std::string kPaths = std::string(216, 'p');

std::string line(const std::string& rest) {
  return "PROXY " + rest + "\r\n";
}

struct Case {
  const char* name;
  std::string bytes;
  /// "PROTOCOL SOURCE PORT DESTINATION PORT", or "" for one that is not taken.
  std::string meaning;
  int refusal = 0;  // or kAbsent, kMore
  ProxyMode mode = ProxyMode::either;
  bool allowed = true;
};

std::ostream& operator<<(std::ostream& out, const Case& each) {
  return out << escaped(each.bytes.substr(0, 200));
}

std::string meaning(const ProxyHeader& header) {
  std::string text(header.protocol);
  for (const std::string* part :
       {&header.source, &header.source_port, &header.destination, &header.destination_port})
    text += part->empty() ? "" : " " + *part;
  return text;
}

const Case kLines[] = {
    {"Tcp4", line("TCP4 192.0.2.7 10.0.0.1 4711 443"), "TCP4 192.0.2.7 4711 10.0.0.1 443"},
    {"Tcp6", line("TCP6 2001:db8::1 ::1 4321 80"), "TCP6 2001:db8::1 4321 ::1 80"},
    {"MappedV4", line("TCP6 ::ffff:192.0.2.7 ::1 1 2"), "TCP6 ::ffff:192.0.2.7 1 ::1 2"},
    {"AddressesKeepTheirSpelling", line("TCP6 2001:DB8::A ::1 1 2"), "TCP6 2001:DB8::A 1 ::1 2"},
    {"LowestAndHighestPort", line("TCP4 1.2.3.4 0.0.0.0 0 65535"), "TCP4 1.2.3.4 0 0.0.0.0 65535"},
    {"Unknown", line("UNKNOWN"), "UNKNOWN"},
    {"UnknownWithAnything", line("UNKNOWN ffff::1 x 99999 -1  "), "UNKNOWN"},
    {"Longest",
     line("UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
          "65535"),
     "UNKNOWN"},
    {"TooLong", line("UNKNOWN " + std::string(92, 'x')), "", 400},
    {"EndlessLine", "PROXY UNKNOWN " + std::string(500, 'x'), "", 400},
    {"BareLf", "PROXY UNKNOWN\n", "", 400},
    {"BareCr", "PROXY UNKNOWN\rx", "", 400},
    {"Nul", line("UNKNOWN \0"s), "", 400},
    {"NulInAddress", line("TCP4 1.2.3.4\0 1.2.3.4 1 2"s), "", 400},
    {"Tab", line("TCP4\t1.2.3.4 1.2.3.4 1 2"), "", 400},
    {"TwoSpaces", line("TCP4  1.2.3.4 1.2.3.4 1 2"), "", 400},
    {"TrailingSpace", line("TCP4 1.2.3.4 1.2.3.4 1 2 "), "", 400},
    {"PartMissing", line("TCP4 1.2.3.4 1.2.3.4 1"), "", 400},
    {"PartTooMany", line("TCP4 1.2.3.4 1.2.3.4 1 2 3"), "", 400},
    {"Empty", line(""), "", 400},
    {"OtherProtocol", line("UDP4 1.2.3.4 1.2.3.4 1 2"), "", 400},
    {"LowerCaseProtocol", line("tcp4 1.2.3.4 1.2.3.4 1 2"), "", 400},
    {"AddressOfTheOtherFamily", line("TCP4 ::1 1.2.3.4 1 2"), "", 400},
    {"V4ForV6", line("TCP6 1.2.3.4 ::1 1 2"), "", 400},
    {"NoAddress", line("TCP4 localhost 1.2.3.4 1 2"), "", 400},
    {"LeadingZeroInAddress", line("TCP4 01.2.3.4 1.2.3.4 1 2"), "", 400},
    {"ByteTooLarge", line("TCP4 1.2.3.256 1.2.3.4 1 2"), "", 400},
    {"ScopeInAddress", line("TCP6 fe80::1%eth0 ::1 1 2"), "", 400},
    {"PortTooLarge", line("TCP4 1.2.3.4 1.2.3.4 65536 2"), "", 400},
    {"PortFarTooLarge", line("TCP4 1.2.3.4 1.2.3.4 4294967297 2"), "", 400},
    {"NegativePort", line("TCP4 1.2.3.4 1.2.3.4 -1 2"), "", 400},
    {"SignedPort", line("TCP4 1.2.3.4 1.2.3.4 +1 2"), "", 400},
    {"LeadingZeroInPort", line("TCP4 1.2.3.4 1.2.3.4 01 2"), "", 400},
    {"EmptyPort", line("TCP4 1.2.3.4 1.2.3.4 1 "), "", 400},
};

const Case kBinary[] = {
    {"Tcp4V2", proxy_v2(0x21, 0x11, kV4), "TCP4 192.0.2.7 4711 10.0.0.1 443"},
    {"Tcp6V2", proxy_v2(0x21, 0x21, kV6), "TCP6 2001:db8::1 4321 ::1 80"},
    {"Unix", proxy_v2(0x21, 0x31, kPaths), "UNIX"},
    {"Local", proxy_v2(0x20, 0, ""), "LOCAL"},
    {"LocalIgnoresItsBlock", proxy_v2(0x20, 0xff, "anything"), "LOCAL"},
    {"Unspecified", proxy_v2(0x21, 0, ""), "UNSPEC"},
    {"UnspecifiedWithABlock", proxy_v2(0x21, 0x01, "anything"), "UNSPEC"},
    {"UnspecifiedTransport", proxy_v2(0x21, 0x10, kV4), "UNSPEC"},
    {"Tlvs", proxy_v2(0x21, 0x11, kV4 + tlv(1, "h2") + tlv(4, "") + tlv(0xee, std::string(300, 'x'))),
     "TCP4 192.0.2.7 4711 10.0.0.1 443"},
    {"Checksum", with_crc32c(0x21, 0x11, kV4 + tlv(2, "host")), "TCP4 192.0.2.7 4711 10.0.0.1 443"},
    {"WrongChecksum", proxy_v2(0x21, 0x11, kV4 + tlv(3, "abcd")), "", 400},
    {"ShortChecksum", proxy_v2(0x21, 0x11, kV4 + tlv(3, "abc")), "", 400},
    {"CutTlv", proxy_v2(0x21, 0x11, kV4 + tlv(1, "h2") + "\x01"), "", 400},
    {"TlvBeyondTheEnd", proxy_v2(0x21, 0x11, kV4 + "\x01\x00\x03h2"s), "", 400},
    {"ShortV4", proxy_v2(0x21, 0x11, kV4.substr(1)), "", 400},
    {"ShortV6", proxy_v2(0x21, 0x21, kV6.substr(1)), "", 400},
    {"ShortUnix", proxy_v2(0x21, 0x31, kPaths.substr(1)), "", 400},
    {"Datagrams", proxy_v2(0x21, 0x12, kV4), "", 400},
    {"OtherTransport", proxy_v2(0x21, 0x13, kV4), "", 400},
    {"OtherFamily", proxy_v2(0x21, 0x41, kV4), "", 400},
    {"OtherVersion", proxy_v2(0x11, 0x11, kV4), "", 400},
    {"OtherCommand", proxy_v2(0x22, 0x11, kV4), "", 400},
    {"LargestV2", proxy_v2(0x20, 0, std::string(kMaxProxyHeader - 16, 'x')), "LOCAL"},
    {"TooLargeV2", proxy_v2(0x20, 0, std::string(kMaxProxyHeader - 15, 'x')), "", 400},
};

const Case kModes[] = {
    {"NoHeader", std::string(kRequest), "", kAbsent},
    {"MethodThatBeginsLikeIt", "PROXX / HTTP/1.1\r\n", "", kAbsent},
    {"NotYetKnownV1", "PROXY", "", kMore},
    {"NotYetKnownV2", "\r\n\r\n\0\r\nQUIT"s, "", kMore},
    {"EmptyLineBeforeARequest", "\r\nGET / HTTP/1.1\r\n\r\n", "", kAbsent},
    {"V1WhereOnlyV2", line("UNKNOWN"), "", kAbsent, ProxyMode::v2},
    {"V2WhereOnlyV1", proxy_v2(0x20, 0, ""), "", kAbsent, ProxyMode::v1},
    {"V1WhereV1", line("UNKNOWN"), "UNKNOWN", 0, ProxyMode::v1},
    {"V2WhereV2", proxy_v2(0x20, 0, ""), "LOCAL", 0, ProxyMode::v2},
    {"StrangersLine", line("TCP4 1.2.3.4 1.2.3.4 1 2"), "", 403, ProxyMode::either, false},
    {"StrangersWrongLine", line("nonsense"), "", 403, ProxyMode::either, false},
    {"StrangersHeader", proxy_v2(0x21, 0x11, kV4), "", 403, ProxyMode::either, false},
    {"StrangersRequest", std::string(kRequest), "", kAbsent, ProxyMode::either, false},
};

class ProxyHeaders : public ::testing::TestWithParam<Case> {};

TEST_P(ProxyHeaders, MeansWhatTheSpecificationSays) {
  const Case& each = GetParam();
  const std::string bytes = each.refusal == kMore ? each.bytes : each.bytes + std::string(kRequest);
  const ProxyOutcome outcome = read_proxy_in_pieces(bytes, {}, each.mode, each.allowed);
  EXPECT_TRUE(same(read_proxy_byte_by_byte(bytes, each.mode, each.allowed), outcome)) << described(outcome);
  if (each.refusal < 0) {
    EXPECT_EQ(outcome.status, each.refusal == kMore ? Status::need_more : Status::absent);
    return;
  }
  EXPECT_EQ(outcome.refusal.status, each.refusal);
  EXPECT_EQ(outcome.refusal.reason.empty(), each.refusal == 0);
  EXPECT_EQ(outcome.status, each.refusal == 0 ? Status::complete : Status::refused);
  EXPECT_EQ(meaning(outcome.header), each.meaning);
  EXPECT_EQ(outcome.size, each.refusal == 0 ? each.bytes.size() : 0);
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Lines, ProxyHeaders, ::testing::ValuesIn(kLines), name_of);
INSTANTIATE_TEST_SUITE_P(Binary, ProxyHeaders, ::testing::ValuesIn(kBinary), name_of);
INSTANTIATE_TEST_SUITE_P(Modes, ProxyHeaders, ::testing::ValuesIn(kModes), name_of);

TEST(ProxyHeader, IsDecidedByAsFewBytesAsCanBe) {
  EXPECT_EQ(read_proxy_header("PO", ProxyMode::either, true).status, Status::absent);
  EXPECT_EQ(read_proxy_header("PROXY ", ProxyMode::either, false).refusal.status, 403);
  EXPECT_EQ(read_proxy_header("PROXY UNKNOWN\r", ProxyMode::either, true).status, Status::need_more);
  EXPECT_EQ(read_proxy_header("PROXY \n", ProxyMode::either, true).refusal.status, 400);
}

TEST(ProxyHeader, TellsWhoseClientIsAnother) {
  EXPECT_TRUE((ProxyHeader{"TCP4", "1.2.3.4", "1", "1.2.3.4", "2"}.replaces_peer()));
  EXPECT_TRUE((ProxyHeader{"UNIX", "", "", "", ""}.replaces_peer()));
  for (const char* protocol : {"LOCAL", "UNKNOWN", "UNSPEC"})
    EXPECT_FALSE((ProxyHeader{protocol, "", "", "", ""}.replaces_peer())) << protocol;
}

rc::Gen<std::string> nearly_a_header() {
  const std::vector<std::string> starts = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN", "PROXY ", "PROX"};
  const std::vector<std::string> parts = {"1.2.3.4", "::1", " ", " ", "80", "65536", "00", "\r\n", "\r", "x"};
  const std::vector<std::string> blocks = {kV4, kV6, kPaths, kV4 + tlv(1, "h2"), kV4 + "\x03", ""};
  return rc::gen::exec([=] {
    if (*rc::gen::arbitrary<bool>()) {
      std::string text = *rc::gen::elementOf(starts);
      for (int i = *rc::gen::inRange(0, 10); i > 0; --i) text += *rc::gen::elementOf(parts);
      return text;
    }
    const auto command = *rc::gen::element<unsigned char>(0x20, 0x21, 0x21, 0x21, 0x22);
    const auto family = *rc::gen::element<unsigned char>(0x00, 0x11, 0x21, 0x31, 0x12);
    const std::string block = *rc::gen::elementOf(blocks);
    std::string bytes =
        *rc::gen::arbitrary<bool>() ? proxy_v2(command, family, block) : with_crc32c(command, family, block);
    if (*rc::gen::inRange(0, 4) == 0) bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] ^= 1;
    return bytes;
  });
}

RC_GTEST_PROP(ProxyHeaderProperty, AgreesWithTheReferenceHoweverItComes, ()) {
  const std::string bytes = *nearly_a_header() + *rc::gen::element<std::string>("", "GET /", "\r\n");
  const auto mode = *rc::gen::element(ProxyMode::v1, ProxyMode::v2, ProxyMode::either);
  const bool allowed = *rc::gen::inRange(0, 10) > 0;
  const ProxyOutcome outcome = read_proxy_in_pieces(bytes, {}, mode, allowed);
  RC_ASSERT(same(read_proxy_byte_by_byte(bytes, mode, allowed), outcome));
  const ProxyOutcome reference = read_proxy_by_reference(bytes, mode, allowed);
  RC_ASSERT(outcome.status == reference.status);
  RC_ASSERT(outcome.header == reference.header);
  RC_ASSERT(outcome.size == reference.size);
  RC_ASSERT(outcome.refusal.status == reference.refusal.status);
  RC_CLASSIFY(outcome.status == Status::complete, "complete");
}

}  // namespace
}  // namespace gserve::http::test
