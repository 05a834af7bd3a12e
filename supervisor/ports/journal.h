// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/core/actions.h"

namespace gserve::ports {

/// Where log lines go. None throws.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void write(const core::Log& line) = 0;
  /// Opens the log files again by their paths; a file that cannot be opened stays as it is.
  virtual void reopen() = 0;
};

}  // namespace gserve::ports
