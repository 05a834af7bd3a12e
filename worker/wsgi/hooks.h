// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/py_ref.h"

namespace gserve::wsgi {

/// What the Python package does for the server: functions that are off the fast path and read better in
/// Python.
struct Hooks {
  PyRef on_error;     // (request line, exception, whether the head was sent): logs an application's failure
  PyRef file_region;  // (file-like) -> (descriptor, offset, size) for sendfile(2), or None
  PyRef make_socket;  // (descriptor) -> socket object on a duplicate of it
  PyRef on_stray_child;  // (exception or None): a forked child came back into the server; does not return
  // Where the user has set pre_request or post_request, else None; see request_hooks.h:
  PyRef begin_request;  // (environ, [(name, value), ...], path) -> the request for end_request;
                        // when it raises it has done what end_request does
  PyRef end_request;    // (request, environ, status, headers, whether the head was sent, bytes of the body)
  // Event loops only, else None:
  PyRef wait;   // (request): lets others run until the request was resumed; may return early
  PyRef pause;  // (): lets others run for a moment
};

}  // namespace gserve::wsgi
