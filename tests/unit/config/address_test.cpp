// SPDX-License-Identifier: MIT
#include "supervisor/config/address.h"

#include <gtest/gtest.h>

namespace gserve::config {
namespace {

TEST(Address, ReadsEveryFormThatGunicornReads) {
  const struct {
    const char* text;
    Address expected;
  } cases[] = {
      {"127.0.0.1:8080", TcpAddress{"127.0.0.1", 8080}},
      {"127.0.0.1", TcpAddress{"127.0.0.1", 8000}},
      {"LocalHost:81", TcpAddress{"localhost", 81}},
      {":9000", TcpAddress{"", 9000}},
      {"", TcpAddress{"", 8000}},
      {"0.0.0.0:0", TcpAddress{"0.0.0.0", 0}},
      {"0.0.0.0:65535", TcpAddress{"0.0.0.0", 65535}},
      {"[::1]:8080", TcpAddress{"::1", 8080}},
      {"[::]", TcpAddress{"::", 8000}},
      {"[FE80::1]:1", TcpAddress{"fe80::1", 1}},
      {"tcp://example.org:80", TcpAddress{"example.org", 80}},
      {"unix:/run/app.sock", UnixAddress{"/run/app.sock"}},
      {"unix:///run/app.sock", UnixAddress{"/run/app.sock"}},
      {"unix:app.sock", UnixAddress{"app.sock"}},
      {"fd://3", InheritedAddress{3}},
  };
  for (const auto& [text, expected] : cases) {
    const ParsedAddress parsed = parse_address(text);
    EXPECT_EQ(parsed.wrong, "") << text;
    EXPECT_TRUE(parsed.address == expected) << text;
  }
}

TEST(Address, SaysWhatIsWrong) {
  const struct {
    std::string text;
    const char* wrong;
  } cases[] = {
      {"127.0.0.1:", "the port must be a number from 0 to 65535"},
      {"127.0.0.1:http", "the port must be a number from 0 to 65535"},
      {"127.0.0.1:65536", "the port must be a number from 0 to 65535"},
      {"127.0.0.1:-1", "the port must be a number from 0 to 65535"},
      {"127.0.0.1:80 ", "the port must be a number from 0 to 65535"},
      {"[::1]:", "the port must be a number from 0 to 65535"},
      {"::1", "write an IPv6 address in brackets, as [::1]:8000"},
      {"localhost:80:81", "write an IPv6 address in brackets, as [::1]:8000"},
      {"[::1", "']' is missing"},
      {"[]:80", "an IPv6 address must stand between '[' and ']'"},
      {"[::1]80", "only :PORT may follow ']'"},
      {"8000", "write a port alone as :8000"},
      {"unix:", "a path must follow unix:"},
      {"unix:" + std::string(108, 'x'), "the path of a Unix socket has at most 107 bytes"},
      {"fd://", "a descriptor number must follow fd://"},
      {"fd://three", "a descriptor number must follow fd://"},
      {"fd://-1", "a descriptor number must follow fd://"},
      {"host\n:80", "control characters are not allowed"},
  };
  for (const auto& [text, wrong] : cases) EXPECT_EQ(parse_address(text).wrong, wrong) << text;
}

TEST(Address, TakesTheLongestPathThatASocketCanHave) {
  EXPECT_EQ(parse_address("unix:" + std::string(107, 'x')).wrong, "");
}

}  // namespace
}  // namespace gserve::config
