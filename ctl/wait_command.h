// SPDX-License-Identifier: MIT
#pragma once

#include "ctl/session.h"

namespace gserve::ctl {

/// `wait`: until the instance is what was asked for, or --timeout has passed. It may not be there yet. Returns the
/// exit code.
int wait_for(Session& session);

}  // namespace gserve::ctl
