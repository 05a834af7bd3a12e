// SPDX-License-Identifier: MIT
#pragma once

namespace gserve::net {

/// Who is told that a call which would have had to wait can be made again. An executor with an event loop of
/// its own (ServerConfig::event_loop) must not sleep in a call: the call says that it would, and that is the
/// end of it until resume(). Told once for each time; it may be told for nothing.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// I/O thread, without a lock of the one who calls.
  virtual void resume() = 0;
};

}  // namespace gserve::net
