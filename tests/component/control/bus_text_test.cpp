// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>

#include "supervisor/io/sd_bus_control_text.h"

namespace gserve::io {
namespace {

TEST(BusText, KeepsValidText) {
  EXPECT_EQ(bus_text("plain\ttext\n"), "plain\ttext\n");
  EXPECT_EQ(bus_text("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d"),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d");
}

TEST(BusText, EscapesWhatDBusStringsCannotHold) {
  EXPECT_EQ(bus_text(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(bus_text("\xff"), "\\xff");
  EXPECT_EQ(bus_text("cut \xe2\x82"), "cut \\xe2\\x82");
  EXPECT_EQ(bus_text("overlong \xc0\xaf"), "overlong \\xc0\\xaf");
  EXPECT_EQ(bus_text("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(bus_text("surrogate \xed\xa0\x80"), "surrogate \\xed\\xa0\\x80");
  EXPECT_EQ(bus_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(BusText, KeepsTheEndOfLongText) {
  const std::string text = bus_text(std::string(100'000, 'x') + "the cause");
  EXPECT_LT(text.size(), 70'000U);
  EXPECT_TRUE(text.starts_with("... x"));
  EXPECT_TRUE(text.ends_with("the cause"));
}

}  // namespace
}  // namespace gserve::io
