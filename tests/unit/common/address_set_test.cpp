// SPDX-License-Identifier: MIT
#include "common/address_set.h"

#include <gtest/gtest.h>

namespace gserve {
namespace {

AddressSet set_of(std::initializer_list<std::string_view> texts) {
  AddressSet set;
  for (const std::string_view text : texts) EXPECT_EQ(set.add(text), "");
  return set;
}

TEST(AddressSet, HasWhatWasAdded) {
  const AddressSet set = set_of({"127.0.0.1", "::1"});
  EXPECT_TRUE(set.contains("127.0.0.1"));
  EXPECT_TRUE(set.contains("::1"));
  EXPECT_TRUE(set.contains("0:0:0:0:0:0:0:1"));
  EXPECT_FALSE(set.contains("127.0.0.2"));
  EXPECT_FALSE(set.contains("::2"));
}

TEST(AddressSet, HasTheAddressesOfANetwork) {
  const AddressSet set = set_of({"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33"});
  EXPECT_TRUE(set.contains("10.255.255.255"));
  EXPECT_FALSE(set.contains("11.0.0.0"));
  EXPECT_TRUE(set.contains("192.0.2.200"));
  EXPECT_FALSE(set.contains("192.0.2.127"));
  EXPECT_TRUE(set.contains("2001:db8:7fff::1"));
  EXPECT_FALSE(set.contains("2001:db8:8000::1"));
}

TEST(AddressSet, TakesAMappedAddressForTheOneThatIsMapped) {
  EXPECT_TRUE(set_of({"192.0.2.0/24"}).contains("::ffff:192.0.2.7"));
  EXPECT_FALSE(set_of({"192.0.2.0/24"}).contains("::ffff:192.0.3.7"));
}

TEST(AddressSet, MayHaveAll) {
  EXPECT_TRUE(set_of({"*"}).contains("203.0.113.9"));
  EXPECT_TRUE(set_of({"0.0.0.0/0"}).contains("203.0.113.9"));
  EXPECT_FALSE(set_of({"0.0.0.0/0"}).contains("2001:db8::1"));
  EXPECT_TRUE(set_of({"::/0"}).contains("2001:db8::1"));
  EXPECT_FALSE(set_of({"::/0"}).contains("203.0.113.9"));
}

TEST(AddressSet, HasNothingWhenItIsEmptyOrTheTextIsNoAddress) {
  EXPECT_FALSE(AddressSet().contains("127.0.0.1"));
  EXPECT_FALSE(set_of({"::/0"}).contains("localhost"));
  EXPECT_FALSE(set_of({"::/0"}).contains(""));
}

TEST(AddressSet, SaysWhatIsWrong) {
  AddressSet set;
  const char* no_address = "is no address, no network such as 10.0.0.0/8 and not *";
  for (const char* text : {"localhost", "", "10.0.0", "10.0.0.1:80", "/8", "1.2.3.4 "}) {
    EXPECT_EQ(set.add(text), "'" + std::string(text) + "' " + no_address);
  }
  EXPECT_EQ(set.add("10.0.0.0/33"), "'10.0.0.0/33' has a prefix that is not from 0 to 32");
  for (const char* text : {"::/129", "::/", "::/x", "::/-1", "::/8 "}) {
    EXPECT_EQ(set.add(text), "'" + std::string(text) + "' has a prefix that is not from 0 to 128");
  }
  EXPECT_EQ(set.add("10.0.0.1/8"), "'10.0.0.1/8' has bits set beyond its prefix");
  EXPECT_FALSE(set.contains("10.0.0.1"));
}

}  // namespace
}  // namespace gserve
