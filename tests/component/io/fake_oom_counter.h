// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/ports/oom_counter.h"

namespace gserve::io::testing {

struct FakeOomCounter : ports::OomCounter {
  std::optional<std::uint64_t> kills() override { return count; }
  std::optional<std::uint64_t> count = 7;
};

}  // namespace gserve::io::testing
