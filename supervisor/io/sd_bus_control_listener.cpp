// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control_listener.h"

#include <sys/socket.h>

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace gserve::io {
namespace {

// Connections taken before the rest of the supervisor gets its turn.
constexpr int kBurst = 16;

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

}  // namespace

SdBusControlListener::SdBusControlListener(boost::asio::io_context& io, UniqueFd socket,
                                           std::chrono::milliseconds pause, Accepted accepted,
                                           SdBusControl::Log log)
    : socket_(io), timer_(io), pause_(pause), accepted_(std::move(accepted)), log_(std::move(log)) {
  socket_.assign(socket.get());
  socket.release();
}

void SdBusControlListener::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void SdBusControlListener::watch() {
  socket_.async_wait(socket_.wait_read,
                     [self = shared_from_this()](const boost::system::error_code& failure) {
                       if (!failure) self->accept_some();
                     });
}

void SdBusControlListener::accept_some() {
  for (int i = 0; i < kBurst; ++i) {
    if (!accept_one()) return;
  }
  watch();
}

/// Whether to go on: if not, the socket is watched again, or will be when the pause is over.
bool SdBusControlListener::accept_one() {
  const int fd = accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return on_accept_failure(errno);
  try {
    hand_over(UniqueFd(fd));
  } catch (const boost::system::system_error& failure) {
    // Anything but a shortage is this client's own doing, and costs nobody else.
    if (!is_shortage(failure.code().value())) return true;
    pause_for(failure.code().value());
    return false;
  }
  return true;
}

void SdBusControlListener::hand_over(UniqueFd socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  accepted_(std::move(socket), peer.uid, peer.pid);
}

bool SdBusControlListener::on_accept_failure(int error) {
  switch (error) {
    case EAGAIN:
      watch();
      return false;
    case EINTR:
    case ECONNABORTED:
      return true;
    default:
      pause_for(error);
      return false;
  }
}

void SdBusControlListener::pause_for(int error) {
  log_(core::LogLevel::warning,
       "cannot accept a control connection: " + std::generic_category().message(error) +
           "; trying again in " + std::to_string(pause_.count()) + " ms");
  timer_.expires_after(pause_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& failure) {
    if (!failure) self->watch();
  });
}

}  // namespace gserve::io
