// SPDX-License-Identifier: MIT
#include "worker/http/tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/http/response_writer.h"
#include "worker/http/scan.h"

namespace gserve::http {
namespace {

TEST(Tokens, TokenCharactersAreThoseOfRfc9110) {
  const std::string expected =
      "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    EXPECT_EQ(is_token_char(byte), expected.find(byte) != std::string::npos) << c;
  }
}

TEST(Tokens, HexValueKnowsBothCasesAndNothingElse) {
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\xff'}) EXPECT_EQ(hex_value(c), -1);
}

TEST(Tokens, CaseIsIgnoredForLettersOnly) {
  EXPECT_TRUE(equals_ignoring_case("ChUnKeD", "chunked"));
  EXPECT_FALSE(equals_ignoring_case("chunke", "chunked"));
  // '@' and '`' differ in the same bit as 'A' and 'a'.
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
}

TEST(Tokens, TrimTakesSpacesAndTabsOnly) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\va\v"), "\va\v");
}

TEST(Tokens, ListMembersAreTrimmedAndEmptyOnesPassed) {
  std::vector<std::string> members;
  for_each_member(" a ,,b", [&](std::string_view member) { members.emplace_back(member); });
  EXPECT_EQ(members, (std::vector<std::string>{"a", "", "b"}));
}

TEST(Scan, FindsEachControlCharacterAtEachPosition) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(c);
      const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
      ASSERT_EQ(find_control(text, 0), control ? at : text.size()) << c << " at " << at;
    }
  }
}

TEST(Scan, LooksOnlyFromTheGivenPositionOn) {
  std::string text(50, 'x');
  text[3] = '\r';
  text[40] = '\r';
  EXPECT_EQ(find_control(text, 3), 3u);
  EXPECT_EQ(find_control(text, 4), 40u);
  EXPECT_EQ(find_control(text, 41), 50u);
  EXPECT_EQ(find_control(text, 50), 50u);
}

TEST(Scan, MeasuresTheTokenAtTheStart) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(c);
      ASSERT_EQ(token_size(text), is_token_char(static_cast<char>(c)) ? text.size() : at)
          << c << " at " << at;
    }
  }
  EXPECT_EQ(token_size("A_b!-1: x and more than sixteen bytes"), 6u);
  EXPECT_EQ(token_size(""), 0u);
}

TEST(Status, EveryStatusThatTheServerAnswersByItselfHasAPhrase) {
  for (const int status : {100, 103, 400, 403, 408, 413, 414, 417, 431, 500, 501, 503, 505}) {
    EXPECT_NE(reason_phrase(status), "Unknown") << status;
  }
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace gserve::http
