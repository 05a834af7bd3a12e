// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <exception>

#include "common/control_contract.h"

namespace gserve::io {

/// Runs the body of an sd-bus callback. An exception must not cross libsystemd's C frames: it becomes a D-Bus
/// error.
template <typename Body>
int guarded(sd_bus_error* error, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& failure) {
    return sd_bus_error_set(error, control::kErrorInternal, failure.what());
  } catch (...) {
    return sd_bus_error_set(error, control::kErrorInternal, "internal error");
  }
}

}  // namespace gserve::io
