// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/core/types.h"

namespace gserve::ports {

/// The service manager, as sd_notify(3) reaches it. Without one every call does nothing. None blocks or
/// throws.
class Notifier {
 public:
  virtual ~Notifier() = default;
  virtual void ready(const std::string& status) = 0;  // READY=1, MAINPID, STATUS
  virtual void reloading() = 0;                       // RELOADING=1, MONOTONIC_USEC
  virtual void stopping() = 0;                        // STOPPING=1
  virtual void status(const std::string& text) = 0;
  virtual void extend_timeout(core::Duration extra) = 0;  // EXTEND_TIMEOUT_USEC
  virtual void watchdog() = 0;                            // WATCHDOG=1
};

}  // namespace gserve::ports
