// SPDX-License-Identifier: MIT
#include "worker/net/handover_queue.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "worker/http/handover_message.h"

namespace gserve::net {
namespace {

/// One descriptor's worth of ancillary data.
struct Rights {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

int passed_descriptor(msghdr& message) {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

}  // namespace

HandoverQueue::Sent HandoverQueue::send(std::string_view message, int socket) {
  iovec data{const_cast<char*>(message.data()), message.size()};
  Rights rights;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = rights.bytes.data();
  header.msg_controllen = rights.bytes.size();
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof socket);
  std::memcpy(CMSG_DATA(control), &socket, sizeof socket);
  ssize_t n = 0;
  do {
    n = ::sendmsg(out_, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return Sent::sent;
  const bool full = errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS;
  return full ? Sent::full : Sent::failed;
}

std::optional<HandoverQueue::Parcel> HandoverQueue::receive() {
  if (!there()) return std::nullopt;
  if (!room_) room_.reset(new char[http::kMostHandedMessage]);
  iovec data{room_.get(), http::kMostHandedMessage};
  Rights rights;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = rights.bytes.data();
  header.msg_controllen = rights.bytes.size();
  ssize_t n = 0;
  TrackedFd socket = make_tracked(guard_, [&] {
    do {
      n = ::recvmsg(in_, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? passed_descriptor(header) : -1;
  });
  if (n <= 0) return std::nullopt;
  const bool whole = (header.msg_flags & MSG_TRUNC) == 0;
  return Parcel{std::move(socket), {room_.get(), whole ? static_cast<std::size_t>(n) : 0}};
}

bool HandoverQueue::empty() const {
  int unread = 0;
  return there() && ::ioctl(out_, SIOCOUTQ, &unread) == 0 && unread == 0;
}

bool HandoverQueue::waiting() const {
  if (!there()) return false;
  pollfd poll{in_, POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1 && (poll.revents & POLLIN) != 0;
}

bool HandoverQueue::goes_first() {
  if (!there()) return false;
  const Nanos now = monotonic_now();
  if (now < next_look_.load(std::memory_order_relaxed)) return false;
  if (waiting()) return true;
  put_off(now);
  return false;
}

}  // namespace gserve::net
