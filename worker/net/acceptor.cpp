// SPDX-License-Identifier: MIT
#include "worker/net/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "worker/net/address.h"

namespace gserve::net {
namespace {

constexpr Nanos kPause = 100 * kMillisecond;

/// What accept4(2) answers when there is no connection to take, or no longer.
bool is_nothing_to_take(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Acceptor::Acceptor(Context& context, Poller& poller, Log& log)
    : context_(context), poller_(poller), log_(log) {
  for (const int fd : context.config.listeners) {
    Endpoint address = local_endpoint(fd);
    const bool internet = !address.address.empty();
    listeners_.push_back({fd, std::move(address), internet});
  }
}

void Acceptor::watch() {
  if (watching_) return;
  watching_ = true;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const int error = poller_.watch_shared(listeners_[i].fd, i);
    if (error != 0) log_.line(LogLevel::error, "cannot watch a listening socket: " + error_text(error));
  }
}

void Acceptor::unwatch() {
  if (!watching_) return;
  watching_ = false;
  for (const Listener& listener : listeners_) poller_.forget(listener.fd);
}

std::optional<Acceptor::Accepted> Acceptor::accept(std::size_t listener, Nanos now) {
  const Listener& from = listeners_.at(listener);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  TrackedFd socket = make_tracked(context_.guard, [&] {
    return ::accept4(from.fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  });
  if (!socket) {
    if (!is_nothing_to_take(errno)) accept_failed(errno, now);
    return std::nullopt;
  }
  failing_ = false;
  if (!from.internet) return Accepted{std::move(socket), {}, from.address};
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Accepted{std::move(socket), to_endpoint(address, size), from.address};
}

void Acceptor::accept_failed(int error, Nanos now) {
  unwatch();
  paused_until_ = now + kPause;
  if (failing_) return;
  failing_ = true;
  log_.line(LogLevel::error, "cannot accept connections: " + error_text(error) +
                                 "; trying again every 100 ms (raise the limit on open files if that is it)");
}

}  // namespace gserve::net
