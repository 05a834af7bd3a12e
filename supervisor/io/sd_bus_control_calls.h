// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/core/events.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::io {

using PeerId = std::uint64_t;  // never reused

struct MessageUnref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

/// Who is at the other end of a connection, as the kernel told at accept.
struct Caller {
  PeerId peer = 0;
  uid_t uid = 0;
  pid_t pid = 0;
};

/// Calls on their way: a method that makes a job is answered later, when the core has accepted or refused it.
/// Holds the message until then. An answer for a client that has gone is dropped.
class ControlCalls {
 public:
  /// `per_peer` bounds the unanswered calls of one client.
  ControlCalls(ports::ControlHandler& handler, std::size_t per_peer)
      : handler_(handler), per_peer_(per_peer) {}

  ports::ControlHandler& handler() { return handler_; }

  /// Hands `event`, given a fresh request id, to the core. Returns as an sd-bus method handler does.
  template <typename Event>
  int submit(sd_bus_message* call, const Caller& caller, Event event, sd_bus_error* error) {
    if (const int r = admit(caller, error); r < 0) return r;
    event.request = hold(call, caller.peer);
    event.by = describe(caller);
    handler_.submit(core::Event(std::move(event)));
    return 1;
  }

  /// Sends the reply; the client it went to, if there still is one.
  std::optional<PeerId> accept(core::RequestId request, core::JobId job);
  std::optional<PeerId> refuse(core::RequestId request, const std::string& reason);

  void forget(PeerId peer);
  /// From here on every call that would make a job is refused.
  void close() { closed_ = true; }

 private:
  struct Held {
    PeerId peer;
    MessagePtr call;
  };
  int admit(const Caller& caller, sd_bus_error* error) const;
  core::RequestId hold(sd_bus_message* call, PeerId peer);
  std::optional<Held> take(core::RequestId request);
  static std::string describe(const Caller& caller);

  ports::ControlHandler& handler_;
  std::size_t per_peer_;
  bool closed_ = false;
  core::RequestId last_request_ = 0;
  std::map<core::RequestId, Held> held_;
};

/// What the method handlers of one connection work with.
struct ControlSession {
  ControlCalls& calls;
  Caller caller;
};

}  // namespace gserve::io
