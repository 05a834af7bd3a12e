// SPDX-License-Identifier: MIT
#pragma once

#include "worker/net/exchange.h"

namespace gserve::net {

/// What an executor with an event loop is told (Server::take_ready).
struct Ready {
  enum class Kind {
    nothing,  // for now
    request,  // `exchange` is to be run
    resumed,  // what `exchange` would have had to wait for may be there: call again. If it was given back since
              // then: to be ignored
    ended,    // no request comes any more
  };
  Kind kind = Kind::nothing;
  Exchange* exchange = nullptr;
};

}  // namespace gserve::net
