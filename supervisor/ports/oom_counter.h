// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace gserve::ports {

/// The kernel's account of what it has killed for lack of memory among us and our children.
class OomCounter {
 public:
  virtual ~OomCounter() = default;
  /// How many processes so far; nothing where the kernel does not tell. Only grows. Does not throw.
  virtual std::optional<std::uint64_t> kills() = 0;
};

}  // namespace gserve::ports
