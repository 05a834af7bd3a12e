// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "supervisor/io/sd_bus_control_objects.h"

namespace gserve::io {
namespace {

namespace asio = boost::asio;

// Messages of one client handled before others get their turn.
constexpr int kBurst = 32;

void check(int r) {
  if (r < 0) throw boost::system::system_error(-r, boost::system::system_category());
}

int duplicate(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  check(copy < 0 ? -errno : 0);
  return copy;
}

/// sd_bus_start asks the kernel for 8 MiB, which a client that does not read would fill.
void limit_kernel_buffer(int fd) {
  constexpr int kBytes = 256 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBytes, sizeof kBytes);
}

/// An sd_bus that speaks the server's part on `socket` and owns it. Anonymous clients are refused by default.
BusPtr open_server_bus(UniqueFd socket) {
  sd_bus* raw = nullptr;
  check(sd_bus_new(&raw));
  BusPtr bus(raw);
  check(sd_bus_set_fd(raw, socket.get(), socket.get()));
  socket.release();
  sd_id128_t id;
  check(sd_id128_randomize(&id));
  check(sd_bus_set_server(raw, 1, id));
  check(sd_bus_negotiate_fds(raw, 0));
  return bus;
}

/// sd-bus gives CLOCK_MONOTONIC in microseconds, which is what steady_clock counts from.
std::chrono::steady_clock::time_point to_time_point(std::uint64_t usec) {
  using TimePoint = std::chrono::steady_clock::time_point;
  if (usec == UINT64_MAX) return TimePoint::max();
  return TimePoint(std::chrono::microseconds(usec));
}

}  // namespace

SdBusPeer::SdBusPeer(asio::io_context& io, UniqueFd socket, const ControlSession& session,
                     const ControlLimits& limits, Closed closed)
    : session_(session),
      limits_(limits),
      closed_(std::move(closed)),
      watch_(io, duplicate(socket.get())),
      timer_(io),
      bus_(open_server_bus(std::move(socket))) {
  check(add_control_object(bus_.get(), &session_));
  check(add_driver_object(bus_.get(), &session_));
  check(sd_bus_start(bus_.get()));
  limit_kernel_buffer(sd_bus_get_fd(bus_.get()));
}

void SdBusPeer::send(const std::function<int(sd_bus*)>& call) {
  if (!bus_ || !authenticated_) return;
  call(bus_.get());
  last_active_ = Clock::now();
  settle();
}

void SdBusPeer::settle() {
  if (!bus_ || in_sd_bus_) return;
  if (!authenticated_ && sd_bus_is_ready(bus_.get()) > 0) {
    authenticated_ = true;
    last_active_ = Clock::now();
  }
  if (is_flooded()) return close("it does not read what it is sent");
  arm();
}

bool SdBusPeer::is_flooded() const {
  std::uint64_t queued = 0;
  return sd_bus_get_n_queued_write(bus_.get(), &queued) >= 0 && queued > limits_.queued_messages;
}

bool SdBusPeer::has_output() const {
  std::uint64_t queued = 0;
  return bus_ && sd_bus_get_n_queued_write(bus_.get(), &queued) >= 0 && queued > 0;
}

void SdBusPeer::process_once() {
  if (!bus_ || in_sd_bus_) return;
  const auto self = shared_from_this();
  in_sd_bus_ = true;
  const int result = sd_bus_process(bus_.get(), nullptr);
  in_sd_bus_ = false;
  after_process(result);
}

void SdBusPeer::pump() {
  for (int i = 0; bus_ && i < kBurst; ++i) {
    in_sd_bus_ = true;
    const int result = sd_bus_process(bus_.get(), nullptr);
    in_sd_bus_ = false;
    after_process(result);
    if (result <= 0) return;
  }
  if (bus_) post_pump();
}

void SdBusPeer::after_process(int result) {
  if (!close_reason_.empty()) return close(close_reason_);
  if (result < 0) return close(std::generic_category().message(-result));
  if (result > 0 && authenticated_) last_active_ = Clock::now();
  settle();
}

void SdBusPeer::arm() {
  const int events = sd_bus_get_events(bus_.get());
  std::uint64_t usec = 0;
  const int r = events < 0 ? events : sd_bus_get_timeout(bus_.get(), &usec);
  if (r < 0) return close(std::generic_category().message(-r));
  if ((events & POLLIN) != 0) arm_wait(watch_.wait_read, wait_read_);
  if ((events & POLLOUT) != 0) arm_wait(watch_.wait_write, wait_write_);
  if (usec == 0) return post_pump();
  arm_timer(to_time_point(usec));
}

void SdBusPeer::arm_wait(asio::posix::stream_descriptor::wait_type type, bool& waiting) {
  if (std::exchange(waiting, true)) return;
  watch_.async_wait(type, [self = shared_from_this(), &waiting](const boost::system::error_code& failure) {
    waiting = false;
    if (!failure) self->pump();
  });
}

void SdBusPeer::arm_timer(Clock::time_point bus_deadline) {
  const Clock::time_point deadline = std::min(bus_deadline, own_deadline());
  if (timer_set_ && timer_.expiry() <= deadline) return;  // on_timer looks again
  timer_set_ = true;
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& failure) {
    if (failure) return;
    self->timer_set_ = false;
    self->on_timer();
  });
}

SdBusPeer::Clock::time_point SdBusPeer::own_deadline() const {
  return last_active_ + (authenticated_ ? limits_.idle : limits_.authentication);
}

void SdBusPeer::on_timer() {
  if (!bus_) return;
  if (Clock::now() < own_deadline()) return pump();
  close(authenticated_ ? "it was idle too long" : "it did not authenticate in time");
}

void SdBusPeer::post_pump() {
  if (std::exchange(posted_, true)) return;
  asio::post(watch_.get_executor(), [self = shared_from_this()] {
    self->posted_ = false;
    self->pump();
  });
}

void SdBusPeer::close(const std::string& why) {
  if (!bus_) return;
  if (in_sd_bus_) {
    close_reason_ = why;
    return;
  }
  const auto self = shared_from_this();
  bus_.reset();
  boost::system::error_code ignored;
  watch_.close(ignored);
  timer_.cancel();
  closed_(*this, why);
}

}  // namespace gserve::io
