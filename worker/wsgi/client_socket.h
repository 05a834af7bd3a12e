// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/request.h"

namespace gserve::wsgi {

/// gunicorn.socket of one request: acts as a socket.socket on a duplicate of the connection's descriptor,
/// made when something of it is first used. Null with an exception set on failure.
PyRef new_client_socket(const State& state, PyObject* request);

}  // namespace gserve::wsgi
