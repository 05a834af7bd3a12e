// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "common/unique_fd.h"
#include "supervisor/io/sd_bus_control.h"

namespace gserve::io {

/// Accepts control connections and reads from the kernel who made them. Lack of descriptors or memory is
/// waited out without watching the socket, which would stay readable and spin the loop.
class SdBusControlListener : public std::enable_shared_from_this<SdBusControlListener> {
 public:
  /// A new connection: non-blocking, close-on-exec; its maker's ids. May throw boost::system::system_error.
  using Accepted = std::function<void(UniqueFd socket, uid_t uid, pid_t pid)>;

  SdBusControlListener(boost::asio::io_context& io, UniqueFd socket, std::chrono::milliseconds pause,
                       Accepted accepted, SdBusControl::Log log);
  void start() { watch(); }
  void close();

 private:
  void watch();
  void accept_some();
  bool accept_one();
  void hand_over(UniqueFd socket);
  bool on_accept_failure(int error);
  void pause_for(int error);

  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  std::chrono::milliseconds pause_;
  Accepted accepted_;
  SdBusControl::Log log_;
};

}  // namespace gserve::io
