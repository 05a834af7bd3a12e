// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/request.h"

namespace gserve::wsgi {

/// wsgi.input of one request: read, readline, readlines and iteration (PEP 3333, "Input and Error Streams"),
/// always ending at the body's end (wsgi.input_terminated). `has_body`: false makes every read empty. Null
/// with an exception set on failure.
PyRef new_input(const State& state, PyObject* request, bool has_body);

}  // namespace gserve::wsgi
