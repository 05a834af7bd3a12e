// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>

#include "tests/component/control/bus_probe.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// "0" in hexadecimal, as the handshake wants the uid; the D-Bus specification, "Authentication Protocol".
std::string good_handshake() {
  std::string hex;
  for (const char digit : std::to_string(geteuid())) hex += "3" + std::string(1, digit);
  return std::string(1, '\0') + "AUTH EXTERNAL " + hex + "\r\nBEGIN\r\n";
}

/// Sends `bytes` and hangs up. What the server answers is not looked at.
void throw_at(const ControlServer& server, const std::string& bytes) {
  const UniqueFd fd(raw_connect(server.socket()));
  ASSERT_TRUE(fd);
  send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string random_bytes(std::mt19937& random, std::size_t most) {
  std::string bytes(random() % most, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// A header of the D-Bus wire format, then what it announces, both of them mostly nonsense.
std::string random_message(std::mt19937& random) {
  std::string message("l\x01\x00\x01", 4);
  const auto number = [&](std::uint32_t value) { message.append(reinterpret_cast<const char*>(&value), 4); };
  constexpr std::uint32_t kSizes[] = {0, 1, 8, 100, 4096, 0x07FFFFFF, 0x08000000, 0x7FFFFFFF, 0xFFFFFFFF};
  number(kSizes[random() % std::size(kSizes)]);
  number(static_cast<std::uint32_t>(random()));
  number(kSizes[random() % std::size(kSizes)]);
  message[random() % message.size()] = static_cast<char>(random());
  return message + random_bytes(random, 300);
}

std::string hostile(std::mt19937& random) {
  const std::string handshake = good_handshake();
  switch (random() % 6) {
    case 0:
      return random_bytes(random, 500);
    case 1:
      return handshake.substr(0, random() % handshake.size());
    case 2:
      return std::string(1, '\0') + "AUTH " + random_bytes(random, 200) + "\r\n";
    case 3:
      return std::string(1, '\0') + "AUTH ANONYMOUS\r\nBEGIN\r\n" + random_message(random);
    case 4:
      return handshake + random_bytes(random, 500);
    default:
      return handshake + random_message(random);
  }
}

TEST(HostileClient, MalformedBytesCrashAndLeakNothing) {
  ControlServer server;
  BusProbe good(raw_connect(server.socket()));
  ASSERT_TRUE(good.works());
  const std::size_t before = open_descriptors();
  std::mt19937 random(20240229);
  for (int i = 0; i < 1000; ++i) throw_at(server, hostile(random));
  // The last of them may still wait to be accepted: the descriptors tell when all have come and gone.
  EXPECT_TRUE(server.eventually([&] {
    return server.control().peers() == 1 && open_descriptors() == before;
  })) << open_descriptors()
      << " descriptors open, " << before << " before";
  EXPECT_TRUE(good.works());
  EXPECT_TRUE(server.supervisor().submitted.empty());
}

TEST(HostileClient, AWrongIdentityIsNotAuthenticated) {
  io::ControlLimits limits;
  limits.authentication = milliseconds(100);
  ControlServer server(limits);
  const std::string handshake = std::string(1, '\0') + "AUTH EXTERNAL 3132333435\r\nBEGIN\r\n";
  for (const std::string& bytes : {handshake, std::string(1, '\0') + "AUTH ANONYMOUS\r\nBEGIN\r\n"}) {
    const UniqueFd fd(raw_connect(server.socket()));
    send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    EXPECT_TRUE(is_closed_within(fd.get(), seconds(20)));
  }
}

TEST(HostileClient, DescriptorsThatAreSentAreNotKept) {
  ControlServer server;
  const std::size_t before = open_descriptors();
  const UniqueFd fd(raw_connect(server.socket()));
  std::string bytes = good_handshake();
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int sent = STDERR_FILENO;
  std::copy_n(reinterpret_cast<const char*>(&sent), sizeof sent, reinterpret_cast<char*>(CMSG_DATA(header)));
  sendmsg(fd.get(), &message, MSG_NOSIGNAL);
  EXPECT_TRUE(is_closed_within(fd.get(), seconds(20)));
  EXPECT_TRUE(server.eventually([&] {
    return server.control().peers() == 0 && open_descriptors() == before + 1;
  })) << open_descriptors()
      << " descriptors open, " << before + 1 << " expected";
}

TEST(HostileClient, AMessageInPiecesWithAHalfHeaderDoesNotBlockOthers) {
  ControlServer server;
  const UniqueFd half(raw_connect(server.socket()));
  const std::string bytes = good_handshake() + std::string("l\x01\x00\x01\xff\xff\xff\x07", 8);
  ASSERT_EQ(send(half.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  for (int i = 0; i < 100; ++i) {
    BusProbe good(raw_connect(server.socket()));
    EXPECT_TRUE(good.works());
  }
}

}  // namespace
}  // namespace gserve::test
