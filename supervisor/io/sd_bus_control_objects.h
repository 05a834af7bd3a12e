// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <string>

#include "supervisor/core/types.h"
#include "supervisor/io/sd_bus_control_calls.h"

namespace gserve::io {

/// Puts io.gserve.Supervisor1 (common/control_contract.h) on the connection. `session` must outlive `bus`.
/// Returns a negative errno on failure, as all of these.
int add_control_object(sd_bus* bus, ControlSession* session);

/// Puts on the connection what clients expect of a bus daemon: Hello, AddMatch, GetNameOwner, ListNames ...
/// of org.freedesktop.DBus (D-Bus specification, "Message bus messages"), so that busctl and GLib can be
/// used.
int add_driver_object(sd_bus* bus, ControlSession* session);

int emit_job_progress(sd_bus* bus, core::JobId job, const std::string& text);
int emit_job_finished(sd_bus* bus, core::JobId job, core::JobState result, const std::string& reason);

}  // namespace gserve::io
