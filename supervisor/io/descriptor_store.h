// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "supervisor/config/environment.h"
#include "supervisor/core/types.h"

/// The service manager's store of descriptors (sd_notify(3), FDSTORE=1): it holds our listening sockets while
/// the service has no process, and passes them to the next start as socket activation does. So a supervisor
/// that died leaves connections that wait, not connections that are reset.
namespace gserve::io {

struct StoredDescriptor {
  int fd = -1;
  std::string name;
};

/// Descriptors that the manager passed at the start, from 3 on (sd_listen_fds_with_names(3)).
struct PassedDescriptors {
  std::vector<int> activated;            // of socket activation
  std::vector<StoredDescriptor> stored;  // by an earlier process of this service
};

/// What was passed to process `pid`, by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; nothing when LISTEN_PID
/// names another process. The text says what is wrong with the variables.
std::variant<PassedDescriptors, std::string> passed_descriptors(const config::Environment& environment,
                                                                core::Pid pid);

/// How many descriptors the manager keeps. Only $FDSTORE tells: systemd sets it from 254 on, our unit does
/// for older ones. Without it nothing is stored: a socket that nobody keeps must be drained at a stop.
int store_capacity(const config::Environment& environment);

/// A name for the store for the socket that listens at `address`: printable ASCII without ':'.
std::string store_name(std::string_view address);

/// Asks the manager to keep a duplicate of `fd`. False if it cannot be asked.
bool store_descriptor(int fd, const std::string& name);
/// Asks it to drop what it keeps under `name`.
void unstore_descriptor(const std::string& name);

}  // namespace gserve::io
