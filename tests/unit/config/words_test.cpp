// SPDX-License-Identifier: MIT
#include "supervisor/config/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/config/utf8.h"

namespace gserve::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Words, AreSplitAsAShellWould) {
  EXPECT_THAT(split_words("").words, IsEmpty());
  EXPECT_THAT(split_words("  \t\n ").words, IsEmpty());
  EXPECT_THAT(split_words(" -w 4  --bind=:80 ").words, ElementsAre("-w", "4", "--bind=:80"));
  EXPECT_THAT(split_words(R"('a b' "c d" e\ f)").words, ElementsAre("a b", "c d", "e f"));
  EXPECT_THAT(split_words(R"('' "" x'y'"z")").words, ElementsAre("", "", "xyz"));
  EXPECT_THAT(split_words(R"('a\b' "a\b" "a\"b" "a\\b" a\b)").words,
              ElementsAre("a\\b", "a\\b", "a\"b", "a\\b", "ab"));
  EXPECT_THAT(split_words("a # b").words, ElementsAre("a", "#", "b"));
}

TEST(Words, ThatDoNotEndAreRefused) {
  EXPECT_EQ(split_words("a 'b").wrong, "a quotation is not closed");
  EXPECT_EQ(split_words("a \"b\\\"").wrong, "a quotation is not closed");
  EXPECT_EQ(split_words("a \\").wrong, "nothing follows the last backslash");
}

TEST(Utf8, IsToldFromOtherBytes) {
  for (const char* good : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xFF", "\xE2\x82", "a\xC3(", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace gserve::config
