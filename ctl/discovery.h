// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "ctl/model.h"

namespace gserve::ctl {

/// What stands in the places where instances put their sockets.
struct Discovery {
  std::vector<Instance> live;    // somebody listens; sorted by name
  std::vector<Instance> closed;  // present, but this user may not connect
};

/// Directories that hold NAME/control: /run/gserve and $XDG_RUNTIME_DIR/gserve.
std::vector<std::string> instance_roots();

/// Looks through `roots` and connects to each socket; those of dead processes are left out, and not removed.
Discovery discover(const std::vector<std::string>& roots);

}  // namespace gserve::ctl
