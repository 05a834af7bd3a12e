// SPDX-License-Identifier: MIT
#include "worker/http/handover_message.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace gserve::http {
namespace {

HandedRequest example() {
  return {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
          "body",
          "GET /next",
          {"192.0.2.1", "4711", ""},
          {"", "", "/run/app.sock"},
          {"TCP4", "192.0.2.1", "4711", "192.0.2.2", "443"}};
}

std::string encoded(const HandedRequest& request) {
  std::string message = "what was there before";
  encode(request, message);
  return message;
}

TEST(HandoverMessage, ArrivesAsItWasSent) {
  const std::string message = encoded(example());
  HandedRequest read;
  ASSERT_EQ(decode(message, read), HandedFormat::good);
  EXPECT_EQ(read, example());
}

TEST(HandoverMessage, HasTheDocumentedLayout) {
  const std::string message =
      encoded({"h", "bo", "", {"a", "p", ""}, {"", "", "path"}, {"TCP4", "s", "t", "d", "e"}});
  const std::string expected(
      "gsho\1\0\0\0"
      "\1\0\0\0\2\0\0\0\0\0\0\0"
      "\1\0\0\0\1\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0\4\0\0\0"
      "\4\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0"
      "hboappathTCP4stde",
      8 + 56 + 17);
  EXPECT_EQ(message, expected);
}

TEST(HandoverMessage, OfAnotherVersionIsKnownAsSuch) {
  std::string message = encoded(example());
  HandedRequest read;
  for (const int version : {0, kHandoverVersion + 1, 255}) {
    message[4] = static_cast<char>(version);
    EXPECT_EQ(decode(message, read), HandedFormat::unknown_version) << version;
    EXPECT_EQ(decode(message.substr(0, 5), read), HandedFormat::unknown_version) << version;
  }
  EXPECT_EQ(read, HandedRequest());
}

TEST(HandoverMessage, ThatIsNoneIsRefused) {
  HandedRequest read;
  const std::string good = encoded(example());
  std::string other_magic = good;
  other_magic[0] = 'G';
  std::string reserved_used = good;
  reserved_used[6] = 1;
  std::string size_too_large = good;
  size_too_large[8 + 3] = '\xff';
  for (const std::string& message : {std::string(), std::string("gsho"), other_magic, reserved_used,
                                     size_too_large, good + "x", good.substr(0, good.size() - 1)}) {
    EXPECT_EQ(decode(message, read), HandedFormat::malformed);
  }
  EXPECT_EQ(read, HandedRequest());
}

RC_GTEST_PROP(HandoverMessage, KeepsAnyTexts, ()) {
  const auto texts = *rc::gen::container<std::vector<std::string>>(14, rc::gen::arbitrary<std::string>());
  const HandedRequest request{texts[0],
                              texts[1],
                              texts[2],
                              {texts[3], texts[4], texts[5]},
                              {texts[6], texts[7], texts[8]},
                              {texts[9], texts[10], texts[11], texts[12], texts[13]}};
  const std::string message = encoded(request);
  HandedRequest read;
  RC_ASSERT(decode(message, read) == HandedFormat::good);
  RC_ASSERT(read == request);
  const auto cut = *rc::gen::inRange<std::size_t>(0, message.size());
  RC_ASSERT(decode(std::string_view(message).substr(0, cut), read) == HandedFormat::malformed);
}

RC_GTEST_PROP(HandoverMessage, OfAnyBytesIsReadWithinThem, (const std::string& bytes)) {
  const std::string message = std::string("gsho\1\0\0\0", 8) + bytes;
  HandedRequest read;
  if (decode(message, read) == HandedFormat::good) RC_ASSERT(encoded(read) == message);
}

}  // namespace
}  // namespace gserve::http
