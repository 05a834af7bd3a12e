// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "worker/net/context.h"
#include "worker/net/log.h"
#include "worker/net/poller.h"

namespace gserve::net {

/// The listeners of one worker. Siblings share them (EPOLLEXCLUSIVE): an event received is an accept owed,
/// since nobody else was woken for it. A worker that cannot serve must therefore not watch, rather than
/// decline.
class Acceptor {
 public:
  struct Accepted {
    TrackedFd socket;
    Endpoint peer;
    Endpoint local;  // the listener's, as gunicorn tells applications: 0.0.0.0 for a wildcard
  };

  Acceptor(Context& context, Poller& poller, Log& log);

  /// Listener `i` has the token `i`.
  void watch();
  void unwatch();
  bool watching() const { return watching_; }

  /// Accepts one connection. Nothing if a sibling was faster, or when descriptors or memory ran out: then the
  /// listeners are left alone until paused_until().
  std::optional<Accepted> accept(std::size_t listener, Nanos now);
  Nanos paused_until() const { return paused_until_; }

 private:
  struct Listener {
    int fd;
    Endpoint address;
    bool internet;
  };

  void accept_failed(int error, Nanos now);

  Context& context_;
  Poller& poller_;
  Log& log_;
  std::vector<Listener> listeners_;
  bool watching_ = false;
  bool failing_ = false;
  Nanos paused_until_ = 0;
};

}  // namespace gserve::net
