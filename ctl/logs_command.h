// SPDX-License-Identifier: MIT
#pragma once

#include "ctl/session.h"

namespace gserve::ctl {

/// `logs`: the end of the instance's error log, and with --follow what comes; of the journal by journalctl(1), which
/// takes this process's place. Returns the exit code.
int show_logs(Session& session, const Instance& instance);

}  // namespace gserve::ctl
