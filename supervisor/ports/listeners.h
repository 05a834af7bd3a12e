// SPDX-License-Identifier: MIT
#pragma once

namespace gserve::ports {

/// The listening sockets, as a stop sees them.
class Listeners {
 public:
  virtual ~Listeners() = default;
  /// Refuses new connections; what the kernel has accepted is still there for the workers. Does not throw.
  virtual void stop_listening() = 0;
};

}  // namespace gserve::ports
