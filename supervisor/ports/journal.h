// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/core/actions.h"

namespace gserve::ports {

/// Where log lines go. None throws.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void write(const core::Log& line) = 0;
  /// Opens the log files again by their paths. A file that cannot be opened stays as it is; one line says which and
  /// why, else it is empty.
  virtual std::string reopen() = 0;
};

}  // namespace gserve::ports
