// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/core/types.h"

namespace gserve::io {

/// The supervisor's one loop: descriptors that become readable, and one deadline. No periodic tick. An
/// exception that leaves a handler is reported and the loop goes on.
class EventLoop {
 public:
  using Report = std::function<void(const std::string& text)>;
  /// `report` is told of faults that would otherwise end the program.
  explicit EventLoop(Report report) : report_(std::move(report)) {}

  boost::asio::io_context& context() { return context_; }

  /// Calls `readable` whenever there is something to read on `fd`; it must read until EAGAIN. Watches a
  /// duplicate: the caller keeps `fd`. Throws std::system_error.
  void watch(int fd, std::function<void()> readable);
  /// Stops watching what is watched for `fd`, if anything is; also from within its own call.
  void unwatch(int fd);

  /// Calls `passed` once, at `deadline`, unless set_deadline is called again before.
  void set_deadline(std::optional<core::TimePoint> deadline, std::function<void()> passed);

  /// Until stop(), which may have been called already. Can be run again.
  void run();
  void stop() { context_.stop(); }

 private:
  struct Watch {
    int fd;  // the caller's
    boost::asio::posix::stream_descriptor descriptor;
    std::function<void()> readable;
  };
  void arm(const std::shared_ptr<Watch>& watch);

  Report report_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  std::optional<core::TimePoint> deadline_;
  std::vector<std::shared_ptr<Watch>> watches_;
};

}  // namespace gserve::io
