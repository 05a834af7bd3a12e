// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/environ.h"
#include "worker/wsgi/hooks.h"
#include "worker/wsgi/request.h"
#include "worker/wsgi/state.h"

namespace gserve::wsgi {

/// What a request is run with; all borrowed.
struct Runner {
  const State& state;
  const Hooks& hooks;
  EnvironBuilder& environ;
  ServerObject* server;
  PyObject* app;
};

/// Calls the application for one request, sends what it returns and gives the exchange back. An application's
/// exception is logged and answered with 500, or cuts the connection if the head was sent. False, with the
/// exception set, only when the worker must leave: SystemExit and KeyboardInterrupt. Any executor thread, GIL
/// held.
bool run_request(const Runner& runner, net::Exchange& exchange);
/// The same for a request that there is an object for already.
bool run_request(const Runner& runner, Request& request);

}  // namespace gserve::wsgi
