// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

#include "common/unique_fd.h"
#include "ctl/model.h"

namespace gserve::ctl {

/// A connected control socket and, by SO_PEERCRED, who made it listen.
struct Connection {
  UniqueFd socket;
  pid_t pid = 0;  // 0 if it lives in another pid namespace
  uid_t uid = 0;
};

/// Connects to the Unix socket at `path`; waits at most a second for a full accept queue.
Result<Connection> connect_to(const std::string& path);

}  // namespace gserve::ctl
