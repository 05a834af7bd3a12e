// SPDX-License-Identifier: MIT
#include "worker/net/lifeline.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string_view>

#include "common/launch_contract.h"
#include "common/unique_fd.h"

namespace gserve::net {
namespace {

constexpr std::size_t kMostDescriptors = 4;

using Kind = LifelineMessage::Kind;

struct Received {
  ssize_t size;
  std::array<UniqueFd, kMostDescriptors> files;
};

Received receive(int socket, char* text, std::size_t room) {
  iovec part{text, room};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Received received{::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), {}};
  if (received.size < 0) return received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count && i < kMostDescriptors; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      received.files[i].reset(fd);
    }
  }
  return received;
}

/// Standard descriptors stay open across exec, as a program expects of them.
void take_place(const UniqueFd& fresh, int place) {
  if (fresh && place >= 0) ::dup3(fresh.get(), place, place > STDERR_FILENO ? O_CLOEXEC : 0);
}

LifelineMessage understand(std::string_view word, Received& received, Context& context) {
  if (word == contract::kLifelineRest) return {Kind::rest};
  if (word == contract::kLifelineServe) return {Kind::serve};
  if (word == contract::kLifelineTemplate) {
    const int control = context.guard.adopt(received.files[0].release());
    return {Kind::promotion, TrackedFd(context.guard, control)};
  }
  if (word != contract::kLifelineLogs) return {Kind::none};
  take_place(received.files[0], context.config.error_log);
  take_place(received.files[1], context.config.access_log);
  if (context.config.capture_output) {
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) take_place(received.files[0], stream);
  }
  return {Kind::logs};
}

}  // namespace

LifelineMessage read_lifeline_message(Context& context) {
  // A fork between receiving and closing would leave the descriptors in the child.
  const std::lock_guard lock(context.guard.mutex());
  std::array<char, 64> text;
  Received received = receive(context.config.lifeline, text.data(), text.size());
  if (received.size == 0) return {Kind::end};
  if (received.size < 0) return {errno == EAGAIN || errno == EINTR ? Kind::none : Kind::end};
  return understand({text.data(), static_cast<std::size_t>(received.size)}, received, context);
}

}  // namespace gserve::net
