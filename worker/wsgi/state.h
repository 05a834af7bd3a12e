// SPDX-License-Identifier: MIT
#pragma once

#include <Python.h>

namespace gserve::wsgi {

/// What the module owns: its types and the names that the request path looks up. One per interpreter that
/// imports it.
struct State {
  PyObject* server_type;
  PyObject* request_type;
  PyObject* input_type;
  PyObject* client_socket_type;
  PyObject* file_wrapper_type;
  PyObject* close_name;  // "close", interned
};

/// Each adds one type to the module: a new reference, or null with an exception set.
PyObject* make_server_type(PyObject* module);
PyObject* make_request_type(PyObject* module);
PyObject* make_input_type(PyObject* module);
PyObject* make_client_socket_type(PyObject* module);
PyObject* make_file_wrapper_type(PyObject* module);
PyObject* make_syslog_type(PyObject* module);

}  // namespace gserve::wsgi
