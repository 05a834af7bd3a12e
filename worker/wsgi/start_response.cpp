// SPDX-License-Identifier: MIT
#include "worker/wsgi/start_response.h"

#include <string_view>
#include <vector>

#include "worker/http/response_writer.h"
#include "worker/wsgi/field_list.h"
#include "worker/wsgi/request_hooks.h"

namespace gserve::wsgi {
namespace {

PyObject* write(PyObject* self, PyObject* data) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    if (!PyBytes_Check(data)) {
      return PyErr_Format(PyExc_TypeError, "write() takes bytes, not %R",
                          reinterpret_cast<PyObject*>(Py_TYPE(data)));
    }
    const std::string_view bytes(PyBytes_AsString(data), static_cast<std::size_t>(PyBytes_Size(data)));
    if (!bytes.empty() && !send_body(as_request(self), bytes, false)) return nullptr;
    Py_RETURN_NONE;
  });
}

PyMethodDef write_method = {"write", write, METH_O,
                            "Sends body bytes at once (PEP 3333, the write() callable)."};

struct Arguments {
  PyObject* status = nullptr;
  PyObject* headers = nullptr;
  PyObject* exc_info = nullptr;
};

PyObject** argument_named(Arguments& into, PyObject* name) {
  if (PyUnicode_CompareWithASCIIString(name, "exc_info") == 0) return &into.exc_info;
  if (PyUnicode_CompareWithASCIIString(name, "headers") == 0) return &into.headers;
  if (PyUnicode_CompareWithASCIIString(name, "status") == 0) return &into.status;
  return nullptr;
}

bool read_arguments(Arguments& into, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject** const places[] = {&into.status, &into.headers, &into.exc_info};
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_Size(names);
  bool valid = count <= 3;
  for (Py_ssize_t index = 0; valid && index < count; ++index) *places[index] = args[index];
  for (Py_ssize_t index = 0; valid && index < named; ++index) {
    PyObject** place = argument_named(into, PyTuple_GetItem(names, index));
    valid = place != nullptr && *place == nullptr;
    if (valid) *place = args[count + index];
  }
  if (!valid || into.status == nullptr || into.headers == nullptr) {
    PyErr_SetString(PyExc_TypeError, "start_response() takes (status, headers, exc_info=None)");
    return false;
  }
  if (into.exc_info == Py_None) into.exc_info = nullptr;
  return true;
}

/// Raises the exception of an exc_info tuple.
void raise_again(PyObject* exc_info) {
  if (!PyTuple_Check(exc_info) || PyTuple_Size(exc_info) != 3) {
    PyErr_SetString(PyExc_TypeError, "exc_info must be a (type, value, traceback) tuple");
    return;
  }
  PyObject* parts[3];
  for (Py_ssize_t index = 0; index < 3; ++index) {
    PyObject* part = PyTuple_GetItem(exc_info, index);
    parts[index] = part == Py_None ? nullptr : part;
    Py_XINCREF(parts[index]);
  }
  PyErr_Restore(parts[0], parts[1], parts[2]);
}

/// PEP 3333, "The start_response() Callable": a second call is an error, unless it carries exc_info; then it
/// replaces the head, or raises the exception again if the head was sent.
bool may_start(Request& request, PyObject* exc_info) {
  if (exc_info == nullptr) {
    if (!request.started) return true;
    PyErr_SetString(PyExc_AssertionError,
                    "start_response() was already called; pass exc_info to replace the head");
    return false;
  }
  bool sent;
  {
    ExchangeLock exchange(request);
    if (!exchange) return false;
    sent = exchange->head_sent();
  }
  if (sent) raise_again(exc_info);
  return !sent;
}

/// Names the header that is wrong, or else the status. Not its value, which may be secret.
void raise_problem(const char* problem, PyObject* status, const FieldList& list) {
  for (const http::Field& field : list.fields()) {
    if (http::field_problem(field) == nullptr) continue;
    PyRef name(
        PyUnicode_DecodeLatin1(field.name.data(), static_cast<Py_ssize_t>(field.name.size()), nullptr));
    if (name) PyErr_Format(PyExc_ValueError, "start_response(): %s (header %R)", problem, name.get());
    return;
  }
  PyErr_Format(PyExc_ValueError, "start_response(): %s (status %R)", problem, status);
}

bool start(Request& request, PyObject* status, PyObject* headers) {
  std::vector<PyRef> keep;
  std::string_view status_line;
  if (!latin1_view(status, "start_response()'s status", status_line, keep)) return false;
  FieldList list;
  if (!list.read(headers)) return false;
  const char* problem;
  {
    ExchangeLock exchange(request);
    if (!exchange) return false;
    problem = exchange->start(status_line, list.fields());
  }
  if (problem != nullptr) raise_problem(problem, status, list);
  request.started = problem == nullptr;
  if (request.started && has_request_hooks(request)) remember_head(request, status, headers);
  return request.started;
}

PyObject* start_response(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Request& request = as_request(self);
    Arguments arguments;
    if (!read_arguments(arguments, args, count, names)) return nullptr;
    if (!may_start(request, arguments.exc_info)) return nullptr;
    if (!start(request, arguments.status, arguments.headers)) return nullptr;
    return PyCFunction_NewEx(&write_method, self, nullptr);
  });
}

PyMethodDef start_response_method = {"start_response", as_method(start_response),
                                     METH_FASTCALL | METH_KEYWORDS,
                                     "start_response(status, headers, exc_info=None) of PEP 3333."};

PyObject* early_hints(PyObject* self, PyObject* headers) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    FieldList list;
    if (!list.read(headers)) return nullptr;
    const char* problem;
    {
      ExchangeLock exchange(as_request(self));
      if (!exchange) return nullptr;
      GilRelease without_gil;
      problem = exchange->early_hints(list.fields());
    }
    if (problem != nullptr) return PyErr_Format(PyExc_ValueError, "early_hints(): %s", problem);
    Py_RETURN_NONE;
  });
}

PyMethodDef early_hints_method = {"early_hints", early_hints, METH_O, "Sends 103 Early Hints (RFC 8297)."};

}  // namespace

PyRef new_start_response(PyObject* request) {
  return PyRef(PyCFunction_NewEx(&start_response_method, request, nullptr));
}

PyRef new_early_hints(PyObject* request) {
  return PyRef(PyCFunction_NewEx(&early_hints_method, request, nullptr));
}

}  // namespace gserve::wsgi
