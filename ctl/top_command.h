// SPDX-License-Identifier: MIT
#pragma once

#include "ctl/session.h"

namespace gserve::ctl {

/// `top`: the instance again and again, every --interval. On a terminal it fills the screen and takes keys, until q;
/// elsewhere, or with --json, frame follows frame. Returns the exit code.
int show_top(Session& session, const Instance& instance);

}  // namespace gserve::ctl
