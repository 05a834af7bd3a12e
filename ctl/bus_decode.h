// SPDX-License-Identifier: MIT
#pragma once

#include "ctl/model.h"

struct sd_bus_message;

namespace gserve::ctl {

/// Read the a{sv} of GetStatus, GetJob and GetIncident, and the aa{sv} of ListIncidents and GetConfig; keys that this
/// version does not know are skipped. A negative errno means that the message is not of that shape.
int read_status(sd_bus_message* message, Status& status);
int read_job(sd_bus_message* message, Job& job);
int read_settings(sd_bus_message* message, std::vector<SettingInForce>& settings);
int read_incidents(sd_bus_message* message, std::vector<IncidentSummary>& incidents);
int read_incident(sd_bus_message* message, Incident& incident);

}  // namespace gserve::ctl
