// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "supervisor/core/types.h"

namespace gserve::io {

/// A worker as hooks see it.
struct PresentWorker {
  core::LaunchId launch = 0;
  core::Pid pid = 0;
  std::uint64_t age = 0;  // as core::Spawn has it
};

}  // namespace gserve::io
