// SPDX-License-Identifier: MIT
#include "tests/component/net/lifeline.h"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace gserve::test {

Lifeline::Lifeline() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::runtime_error("socketpair");
  worker.reset(ends[0]);
  supervisor.reset(ends[1]);
}

void Lifeline::say(std::string_view word, const std::vector<int>& fds) const {
  std::string text(word);
  iovec part{text.data(), text.size()};
  const std::size_t size = fds.size() * sizeof(int);
  alignas(cmsghdr) std::array<char, 64> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), fds.data(), size);
  }
  if (::sendmsg(supervisor.get(), &message, 0) < 0) throw std::runtime_error("sendmsg");
}

}  // namespace gserve::test
