// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/address.h"
#include "supervisor/config/environment.h"
#include "supervisor/core/types.h"
#include "supervisor/io/listener.h"

namespace gserve::io {

struct ListenerOptions {
  std::vector<config::Address> addresses;
  int backlog = 2048;
  /// Descriptors of socket activation; when there are any, they replace `addresses` but for fd://N.
  std::vector<int> activated;
  /// Waits before the next try at an address in use. False: stop trying (a signal came).
  std::function<bool(std::chrono::milliseconds)> wait;
  std::function<void(core::LogLevel, const std::string&)> log;
};

struct OpenFailure {
  std::string reason;        // one line
  bool interrupted = false;  // `wait` said to stop trying
};

/// All listening sockets of the service, in the order of the configuration. Owns them: see Listener. Movable.
class ListenerSet {
 public:
  /// Opens every address or none. An address in use is tried 5 times, 1 s apart, as gunicorn does; any other
  /// error ends it at once.
  static std::variant<ListenerSet, OpenFailure> open(const ListenerOptions& options);

  /// What another program in this process had.
  explicit ListenerSet(const std::vector<ListenerState>& states) {
    for (const ListenerState& state : states) listeners_.emplace_back(state);
  }
  std::vector<ListenerState> states() const;

  /// For workers; borrowed.
  std::vector<int> fds() const;
  /// "http://127.0.0.1:8000", for the log and for status.
  std::vector<std::string> describe() const;
  /// See Listener::stop_listening. Never fails.
  void stop_listening();

 private:
  ListenerSet() = default;

  std::vector<Listener> listeners_;
};

/// What socket activation passed to process `pid`, by LISTEN_PID and LISTEN_FDS (sd_listen_fds(3));
/// descriptors from 3 on, none when LISTEN_PID names another process. The text says what is wrong with the
/// variables.
std::variant<std::vector<int>, std::string> activated_descriptors(const config::Environment& environment,
                                                                  core::Pid pid);

}  // namespace gserve::io
