// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "common/unique_fd.h"

/// Signals as a readable descriptor (signalfd(2)). The handled signals stay blocked for the supervisor's
/// whole life: there are no handlers, so nothing is lost and nothing runs at a bad moment.
namespace gserve::io {

/// Blocks the handled signals (TERM INT QUIT HUP TTIN TTOU USR1 USR2 WINCH CHLD) and ignores SIGPIPE.
/// Call first in main, before any thread.
void block_handled_signals();

/// "SIGTERM".
const char* signal_name(int signal);

class SignalQueue {
 public:
  /// Throws std::system_error.
  SignalQueue();

  /// Readable when signals are pending.
  int fd() const { return fd_.get(); }
  /// All that is pending, each signal at most once a call. Never blocks.
  std::vector<int> read();

  /// Waits until `fd` is readable (-1: none), for at most `limit`; false when a signal that asks to stop (TERM, INT,
  /// QUIT) has come first. Reads all that is pending.
  bool wait_unless_stopped(int fd, std::optional<std::chrono::milliseconds> limit = std::nullopt);

 private:
  UniqueFd fd_;
};

}  // namespace gserve::io
