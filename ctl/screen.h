// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <ostream>
#include <string>

#include "common/unique_fd.h"
#include "ctl/process_watch.h"

namespace gserve::ctl {

/// The terminal of standard input and output, taken over for a whole-screen program: keys come as they are pressed,
/// also Ctrl-C, and what was on the screen comes back at the end. Signals that end a program are read, not handled,
/// for the same reason.
class Screen {
 public:
  explicit Screen(std::ostream& out);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Waits for keys; what has come, empty at the deadline or when a signal came.
  std::string read_keys(Deadline deadline);
  /// Somebody wants the program to end, or nobody is there any more.
  bool ended() const { return ended_; }

 private:
  void on_signal();

  std::ostream& out_;
  termios before_{};
  UniqueFd signals_;
  bool ended_ = false;
};

}  // namespace gserve::ctl
