// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/request.h"

namespace gserve::wsgi {

/// The start_response callable of one request (PEP 3333), or null with an exception set.
PyRef new_start_response(PyObject* request);

/// wsgi.early_hints of one request: called with a list of (name, value), sends `103 Early Hints`.
PyRef new_early_hints(PyObject* request);

}  // namespace gserve::wsgi
