// SPDX-License-Identifier: MIT
// Addresses of syslog and statsd servers.
#include <gtest/gtest.h>

#include "common/statsd.h"
#include "common/syslog.h"

namespace gserve {
namespace {

using Kind = syslog::Target::Kind;

TEST(SyslogTarget, IsReadAsGunicornReadsIt) {
  const struct {
    const char* text;
    Kind kind;
    const char* host;
    const char* port;
  } cases[] = {{"udp://localhost:514", Kind::udp, "localhost", "514"},
               {"udp://", Kind::udp, "localhost", "514"},
               {"udp://log.example", Kind::udp, "log.example", "514"},
               {"udp://:1514", Kind::udp, "localhost", "1514"},
               {"tcp://[::1]:601", Kind::tcp, "::1", "601"},
               {"tcp://[fe80::2]", Kind::tcp, "fe80::2", "514"},
               {"unix:///dev/log", Kind::local, "/dev/log", ""},
               {"unix:///dev/log#stream", Kind::local, "/dev/log", ""},
               {"unix:///dev/log#dgram", Kind::local_datagram, "/dev/log", ""}};
  for (const auto& [text, kind, host, port] : cases) {
    const syslog::ParsedTarget parsed = syslog::parse_target(text);
    EXPECT_EQ(parsed.wrong, "") << text;
    EXPECT_EQ(parsed.target.kind, kind) << text;
    EXPECT_EQ(parsed.target.host, host) << text;
    EXPECT_EQ(parsed.target.port, port) << text;
  }
}

TEST(SyslogTarget, ThatCannotBeIsRefused) {
  EXPECT_EQ(syslog::parse_target("localhost:514").wrong,
            "must be udp://HOST:PORT, tcp://HOST:PORT or unix://PATH");
  EXPECT_EQ(syslog::parse_target("udp://a:http").wrong, "'http' is not a valid port number");
  EXPECT_EQ(syslog::parse_target("tcp://a:65536").wrong, "'65536' is not a valid port number");
  EXPECT_EQ(syslog::parse_target("tcp://a:").wrong, "'' is not a valid port number");
  EXPECT_EQ(syslog::parse_target("unix://").wrong, "must name a socket after unix://");
  EXPECT_EQ(syslog::parse_target("unix:///dev/log#tcp").wrong, "must end in #dgram or #stream");
  EXPECT_EQ(syslog::parse_target("unix://" + std::string(108, 'x')).wrong, "the path is too long");
}

TEST(SyslogFacility, IsKnownByNameInAnyCase) {
  EXPECT_EQ(syslog::facility("user"), 1);
  EXPECT_EQ(syslog::facility("LOCAL7"), 23);
  EXPECT_EQ(syslog::facility("kern"), 0);
  EXPECT_EQ(syslog::facility("local8"), std::nullopt);
}

TEST(StatsdTarget, IsReadAsGunicornReadsIt) {
  const auto host = statsd::parse_target("127.0.0.1");
  EXPECT_EQ(host.target.host + " " + host.target.port, "127.0.0.1 8125");
  const auto port = statsd::parse_target("[::1]:9125");
  EXPECT_EQ(port.target.host + " " + port.target.port, "::1 9125");
  EXPECT_EQ(statsd::parse_target("unix:///run/statsd").target.path, "/run/statsd");
  EXPECT_EQ(statsd::parse_target("unix:/run/statsd").target.path, "/run/statsd");
}

TEST(StatsdTarget, ThatCannotBeIsRefused) {
  EXPECT_EQ(statsd::parse_target("").wrong, "must be HOST:PORT or unix://PATH");
  EXPECT_EQ(statsd::parse_target(":8125").wrong, "must be HOST:PORT or unix://PATH");
  EXPECT_EQ(statsd::parse_target("a:x").wrong, "'x' is not a valid port number");
  EXPECT_EQ(statsd::parse_target("unix:").wrong, "must name a socket after unix://");
}

}  // namespace
}  // namespace gserve
