// SPDX-License-Identifier: MIT
#pragma once

#include "ctl/model.h"

struct sd_bus_message;

namespace gserve::ctl {

/// Read the a{sv} of GetStatus and GetJob; keys that this version does not know are skipped. A negative errno
/// means that the message is not of that shape.
int read_status(sd_bus_message* message, Status& status);
int read_job(sd_bus_message* message, Job& job);

}  // namespace gserve::ctl
