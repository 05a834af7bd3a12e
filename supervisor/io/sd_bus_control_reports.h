// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <deque>
#include <vector>

#include "supervisor/core/views.h"
#include "supervisor/ports/control_bus.h"

/// What the control interface answers, as common/control_contract.h has it: one a{sv}, or an aa{sv} for several.
/// Each returns a negative errno when libsystemd cannot append.
namespace gserve::io {

int append_status(sd_bus_message* message, const ports::StatusReport& status);
int append_job(sd_bus_message* message, const core::JobView& job);
int append_incident(sd_bus_message* message, const ports::Incident& incident);
int append_incidents(sd_bus_message* message, const std::deque<ports::Incident>& incidents);
int append_settings(sd_bus_message* message, const std::vector<ports::SettingReport>& settings);

}  // namespace gserve::io
