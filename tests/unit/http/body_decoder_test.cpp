// SPDX-License-Identifier: MIT
#include "worker/http/body_decoder.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {
namespace {

using namespace std::string_literals;
using Status = BodyDecoder::Status;

TEST(BodyDecoder, ARequestWithoutABodyIsCompleteAtOnce) {
  EXPECT_EQ(BodyDecoder().decode("GET").status, Status::complete);
  EXPECT_EQ(BodyDecoder().decode("GET").consumed, 0u);
  EXPECT_EQ(length_decoder(0).decode("").status, Status::complete);
  EXPECT_EQ(BodyDecoder(RequestHead{}).decode("").status, Status::complete);
}

TEST(BodyDecoder, TakesExactlyContentLength) {
  const Body body = decode_in_pieces(length_decoder(5), "helloGET", {});
  EXPECT_EQ(body, (Body{Status::complete, 0, "", "hello", 5})) << body;
  EXPECT_EQ(decode_byte_by_byte(length_decoder(5), "helloGET"), body);
  EXPECT_EQ(decode_in_pieces(length_decoder(6), "hello", {}).status, Status::need_more);
}

TEST(BodyDecoder, DataIsAViewIntoTheInput) {
  const std::string input = "hello";
  BodyDecoder decoder = length_decoder(5);
  EXPECT_EQ(decoder.decode(input).data.data(), input.data());
}

TEST(BodyDecoder, NeedsMoreWithNothingConsumedOnEmptyInput) {
  BodyDecoder decoder = chunked_decoder();
  const BodyDecoder::Step step = decoder.decode("");
  EXPECT_EQ(step.status, Status::need_more);
  EXPECT_EQ(step.consumed, 0u);
}

TEST(BodyDecoder, ChunksMayBeTogetherAsLargeAsTheLimit) {
  const std::string whole = "5\r\nhello\r\n3\r\nyou\r\n0\r\nA: long trailer\r\n\r\n";
  EXPECT_EQ(decode_byte_by_byte(chunked_decoder(8), whole).data, "helloyou");
  const Body over = decode_byte_by_byte(chunked_decoder(8), "5\r\nhello\r\n4\r\n");
  EXPECT_EQ(over.refusal, 413) << over;
  EXPECT_EQ(over.data, "hello") << "refused by the size, before the data";
  EXPECT_EQ(decode_in_pieces(chunked_decoder(8), "9;x\r\n", {}).refusal, 413);
  EXPECT_EQ(decode_in_pieces(chunked_decoder(8), "fffffffffffffff\r\n", {}).refusal, 413);
  EXPECT_EQ(decode_in_pieces(chunked_decoder(), "fffffffffffffff\r\n", {}).status, Status::need_more);
}

struct Chunked {
  const char* name;
  std::string bytes;
  std::string data;
  std::size_t left = 0;  // bytes after the body
};

const Chunked kGood[] = {
    {"Empty", "0\r\n\r\n", ""},
    {"EmptyAndMore", "0\r\n\r\nGET", "", 3},
    {"One", "5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"Two", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
    {"LowerHex", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
    {"UpperHex", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
    {"LeadingZeros", "000000000000005\r\nhello\r\n000\r\n\r\n", "hello"},
    {"Extension", "5;a=b;c=\"d\t\xff\"\r\nhello\r\n0;x\r\n\r\n", "hello"},
    {"EmptyExtension", "5;\r\nhello\r\n0\r\n\r\n", "hello"},
    {"LongExtension",
     "5;" + std::string(1024, 'x') + "\r\nhello\r\n1;" + std::string(1024, 'x') + "\r\n!\r\n0\r\n\r\n",
     "hello!"},
    {"DataWithCrlf", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
    {"Trailers", "0\r\nA: b\r\nC:\td \xff\r\n\r\nX", "", 1},
};

const std::pair<const char*, std::pair<std::string, int>> kBad[] = {
    {"NoSize", {"\r\nhello", 400}},
    {"SizeNotHex", {"g\r\n", 400}},
    {"SizePrefix", {"0x5\r\nhello\r\n", 400}},
    {"SizePlus", {"+5\r\nhello\r\n", 400}},
    {"SizeMinus", {"-5\r\nhello\r\n", 400}},
    {"SizeLeadingSpace", {" 5\r\nhello\r\n", 400}},
    {"SizeTrailingSpace", {"5 \r\nhello\r\n", 400}},
    {"SizeSpaceBeforeExtension", {"5 ;a\r\nhello\r\n", 400}},
    {"SizeUnderscore", {"1_0\r\n", 400}},
    {"SizeSixteenDigits", {"0000000000000005\r\nhello\r\n", 400}},
    {"SizeOverflow", {"ffffffffffffffffff\r\n", 400}},
    {"SizeBareLf", {"5\nhello\r\n", 400}},
    {"SizeBareCr", {"5\rhello\r\n", 400}},
    {"SizeNul", {"5\0\r\nhello\r\n"s, 400}},
    {"ExtensionOnly", {";a\r\n", 400}},
    {"ExtensionBareLf", {"5;a\nhello\r\n", 400}},
    {"ExtensionBareCr", {"5;a\rb\r\nhello\r\n", 400}},
    {"ExtensionNul", {"5;\0\r\nhello\r\n"s, 400}},
    {"ExtensionDel", {"5;\x7f\r\nhello\r\n", 400}},
    {"ExtensionTooLong", {"5;" + std::string(1025, 'x') + "\r\n", 400}},
    {"ExtensionHuge", {"5;" + std::string(20000, 'x'), 400}},
    {"DataTooLong", {"5\r\nhelloo\r\n", 400}},
    {"DataBareLf", {"5\r\nhello\n0\r\n\r\n", 400}},
    {"DataBareCr", {"5\r\nhello\r0\r\n\r\n", 400}},
    {"DataWithoutEnd", {"5\r\nhello0\r\n\r\n", 400}},
    {"LastChunkBareLf", {"0\n\n", 400}},
    {"EndBareLf", {"0\r\n\n", 400}},
    {"EndBareCr", {"0\r\n\rX", 400}},
    {"TrailerFolded", {"0\r\nA: b\r\n c\r\n\r\n", 400}},
    {"TrailerWithoutColon", {"0\r\nabc\r\n\r\n", 400}},
    {"TrailerSpaceBeforeColon", {"0\r\nA : b\r\n\r\n", 400}},
    {"TrailerEmptyName", {"0\r\n: b\r\n\r\n", 400}},
    {"TrailerBareLf", {"0\r\nA: b\n\r\n", 400}},
    {"TrailerBareCr", {"0\r\nA: b\rc\r\n\r\n", 400}},
    {"TrailerNul", {"0\r\nA: \0\r\n\r\n"s, 400}},
    {"TrailersTooLarge", {"0\r\nA: " + std::string(9000, 'b') + "\r\n\r\n", 431}},
    {"TrailersTooMany",
     {"0\r\n" +
          [] {
            std::string lines;
            for (int i = 0; i < 3000; ++i) lines += "A: b\r\n";
            return lines;
          }(),
      431}},
};

TEST(BodyDecoder, DecodesChunksHoweverTheyArrive) {
  for (const Chunked& item : kGood) {
    const Body expected{Status::complete, 0, "", item.data, item.bytes.size() - item.left};
    EXPECT_EQ(decode_in_pieces(chunked_decoder(), item.bytes, {}), expected) << item.name;
    EXPECT_EQ(decode_byte_by_byte(chunked_decoder(), item.bytes), expected) << item.name;
  }
}

TEST(BodyDecoder, EveryProperPrefixNeedsMore) {
  for (const Chunked& item : kGood) {
    for (std::size_t size = 0; size < item.bytes.size() - item.left; ++size) {
      ASSERT_EQ(decode_in_pieces(chunked_decoder(), item.bytes.substr(0, size), {}).status, Status::need_more)
          << item.name << ' ' << size;
    }
  }
}

TEST(BodyDecoder, RefusesMalformedChunksHoweverTheyArrive) {
  for (const auto& [name, item] : kBad) {
    const Body whole = decode_in_pieces(chunked_decoder(), item.first, {});
    EXPECT_EQ(whole.status, Status::refused) << name;
    EXPECT_EQ(whole.refusal, item.second) << name;
    EXPECT_EQ(decode_byte_by_byte(chunked_decoder(), item.first), whole) << name;
  }
}

TEST(BodyDecoder, StaysRefused) {
  BodyDecoder decoder = chunked_decoder();
  ASSERT_EQ(decoder.decode("x").status, Status::refused);
  EXPECT_EQ(decoder.decode("0\r\n\r\n").status, Status::refused);
}

TEST(BodyDecoder, TheLargestChunkSizeIsNotCut) {
  BodyDecoder decoder = chunked_decoder();
  const std::string head = "fffffffffffffff\r\n", data(100000, 'x');
  ASSERT_EQ(decoder.decode(head).consumed, head.size());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(decoder.decode(data).data.size(), data.size());
}

std::string chunk(const std::string& data, const std::string& extension) {
  char size[17];
  std::snprintf(size, sizeof size, "%zx", data.size());
  return size + extension + "\r\n" + data + "\r\n";
}

std::vector<std::size_t> splits(std::size_t size) {
  auto ends = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, size + 1));
  std::sort(ends.begin(), ends.end());
  return ends;
}

RC_GTEST_PROP(BodyDecoderProperty, GivesBackWhatWasChunked, (const std::vector<std::string>& parts)) {
  std::string bytes, data;
  for (const std::string& part : parts) {
    if (!part.empty()) bytes += chunk(part, *rc::gen::element<std::string>("", ";a", ";a=\"b\""));
    data += part;
  }
  bytes += "0\r\n" + *rc::gen::element<std::string>("", "A: b\r\n") + "\r\n";
  const Body expected{Status::complete, 0, "", data, bytes.size()};
  RC_ASSERT(decode_in_pieces(chunked_decoder(), bytes + "rest", splits(bytes.size())) == expected);
  RC_ASSERT(decode_byte_by_byte(chunked_decoder(), bytes + "rest") == expected);
}

RC_GTEST_PROP(BodyDecoderProperty, MutatedChunksMeanTheSameHoweverTheyArrive, ()) {
  std::string bytes = "5;a\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    const char c = *rc::gen::element('\r', '\n', ';', ' ', '0', '5', 'f', ':', '\0', 'x');
    *rc::gen::arbitrary<bool>() ? bytes.insert(at, 1, c) : bytes.replace(at, 1, 1, c);
  }
  const Body whole = decode_in_pieces(chunked_decoder(), bytes, {});
  RC_ASSERT(decode_byte_by_byte(chunked_decoder(), bytes) == whole);
  RC_ASSERT(decode_in_pieces(chunked_decoder(), bytes, splits(bytes.size())) == whole);
}

}  // namespace
}  // namespace gserve::http::test
