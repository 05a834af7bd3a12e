// SPDX-License-Identifier: MIT
#include "supervisor/io/event_loop.h"

#include <fcntl.h>

#include <cerrno>
#include <exception>
#include <system_error>

namespace gserve::io {

void EventLoop::watch(int fd, std::function<void()> readable) {
  const int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
  watches_.push_back(std::make_shared<Watch>(Watch{fd, {context_, duplicate}, std::move(readable)}));
  arm(watches_.back());
}

void EventLoop::unwatch(int fd) {
  std::erase_if(watches_, [fd](const std::shared_ptr<Watch>& watch) {
    if (watch->fd != fd) return false;
    watch->descriptor.close();
    return true;
  });
}

void EventLoop::arm(const std::shared_ptr<Watch>& watch) {
  using boost::asio::posix::descriptor_base;
  watch->descriptor.async_wait(descriptor_base::wait_read, [this, watch](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted || !watch->descriptor.is_open()) return;
    try {
      watch->readable();
    } catch (const std::exception& fault) {
      report_(fault.what());
    }
    if (watch->descriptor.is_open()) arm(watch);
  });
}

void EventLoop::set_deadline(std::optional<core::TimePoint> deadline, std::function<void()> passed) {
  if (deadline == deadline_) return;
  deadline_ = deadline;
  if (!deadline) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*deadline);
  timer_.async_wait([this, passed = std::move(passed)](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted) return;
    deadline_.reset();
    passed();
  });
}

void EventLoop::run() {
  while (!context_.stopped()) {
    try {
      context_.run();
    } catch (const std::exception& fault) {
      report_(fault.what());
    }
  }
  context_.restart();
}

}  // namespace gserve::io
