// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/unique_fd.h"
#include "supervisor/io/sd_bus_control.h"
#include "supervisor/io/sd_bus_control_calls.h"

namespace gserve::io {

struct BusUnref {
  void operator()(sd_bus* bus) const {
    sd_bus_close(bus);
    sd_bus_unref(bus);
  }
};
using BusPtr = std::unique_ptr<sd_bus, BusUnref>;

/// One client's connection: an sd_bus in server mode, driven by the io_context. sd-bus says what it waits for
/// only when asked, and every call into it may change the answer: whoever calls into `bus` calls settle()
/// after it.
///
/// Life: open -> authenticating -> serving -> closed. Closed when the client leaves or errs, when it has not
/// authenticated or said anything in time, when it does not read what it is sent, or by close().
class SdBusPeer : public std::enable_shared_from_this<SdBusPeer> {
 public:
  /// Called once, with one line that says why.
  using Closed = std::function<void(const SdBusPeer& peer, const std::string& why)>;

  /// Takes over `socket`. Throws boost::system::system_error.
  SdBusPeer(boost::asio::io_context& io, UniqueFd socket, const ControlSession& session,
            const ControlLimits& limits, Closed closed);

  /// To be called once, right after construction.
  void start() { settle(); }

  const Caller& caller() const { return session_.caller; }
  bool authenticated() const { return authenticated_; }

  /// Runs `call(bus)`, which sends something, if the client is authenticated.
  void send(const std::function<int(sd_bus*)>& call);

  /// Looks again at what the connection waits for, after a call into sd-bus.
  void settle();

  /// Whether something waits to be written.
  bool has_output() const;
  /// Lets sd-bus read and write once, for a caller that does not run the io_context.
  void process_once();
  int fd() const { return bus_ ? sd_bus_get_fd(bus_.get()) : -1; }

  void close(const std::string& why);

 private:
  using Clock = std::chrono::steady_clock;
  void pump();
  void after_process(int result);
  bool is_flooded() const;
  void arm();
  void arm_wait(boost::asio::posix::stream_descriptor::wait_type type, bool& waiting);
  void arm_timer(Clock::time_point bus_deadline);
  Clock::time_point own_deadline() const;
  void on_timer();
  void post_pump();

  ControlSession session_;
  ControlLimits limits_;
  Closed closed_;
  boost::asio::posix::stream_descriptor watch_;  // a duplicate: both sd-bus and Asio close theirs
  boost::asio::steady_timer timer_;
  BusPtr bus_;
  Clock::time_point last_active_ = Clock::now();  // until authenticated: when it was accepted
  bool authenticated_ = false;
  bool in_sd_bus_ = false;    // sd_bus_process is on the stack: it settles when it is done
  std::string close_reason_;  // close() was called meanwhile
  bool wait_read_ = false;
  bool wait_write_ = false;
  bool timer_set_ = false;
  bool posted_ = false;
};

}  // namespace gserve::io
