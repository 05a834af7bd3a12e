// SPDX-License-Identifier: MIT
#include "worker/wsgi/response.h"

#include <unistd.h>

#include <cerrno>

#include "worker/wsgi/file_wrapper.h"
#include "worker/wsgi/request_hooks.h"
#include "worker/wsgi/server_object.h"
#include "worker/wsgi/start_response.h"

namespace gserve::wsgi {
namespace {

bool is_plain_sequence(PyObject* object) {
  return PyList_CheckExact(object) || PyTuple_CheckExact(object);
}

/// One element of the application's iterable.
bool send_block(Request& request, PyObject* block, bool last) {
  if (!PyBytes_Check(block)) {
    PyErr_Format(PyExc_TypeError, "the application's iterable must yield bytes, not %R",
                 reinterpret_cast<PyObject*>(Py_TYPE(block)));
    return false;
  }
  if (!request.started) {
    PyErr_SetString(PyExc_AssertionError, "the application yielded a body before it called start_response()");
    return false;
  }
  const std::string_view data(PyBytes_AsString(block), static_cast<std::size_t>(PyBytes_Size(block)));
  return (data.empty() && !last) || send_body(request, data, last);
}

bool send_end(Request& request) {
  if (request.started) return send_body(request, {}, true);
  PyErr_SetString(PyExc_AssertionError, "the application did not call start_response()");
  return false;
}

/// A list or tuple: its last element is known to be the last. Its size is looked at each time, for sending
/// releases the GIL and another thread may change a list.
bool send_sequence(Request& request, PyObject* sequence) {
  const bool is_list = PyList_CheckExact(sequence) != 0;
  const auto size = [&] { return is_list ? PyList_Size(sequence) : PyTuple_Size(sequence); };
  if (size() == 0) return send_end(request);
  for (Py_ssize_t index = 0; index < size(); ++index) {
    const PyRef block =
        PyRef::borrow(is_list ? PyList_GetItem(sequence, index) : PyTuple_GetItem(sequence, index));
    if (!send_block(request, block.get(), index + 1 == size())) return false;
  }
  return true;
}

/// Whether len(iterable) is 1: its one element is the whole body (PEP 3333, "Handling the Content-Length
/// Header").
bool has_one_element(PyObject* iterable) {
  if (PyType_GetSlot(Py_TYPE(iterable), Py_sq_length) == nullptr) return false;
  const Py_ssize_t length = PyObject_Size(iterable);
  if (length < 0) PyErr_Clear();
  return length == 1;
}

bool send_iterable(Request& request, PyObject* iterable) {
  const bool single = has_one_element(iterable);
  PyRef iterator(PyObject_GetIter(iterable));
  if (!iterator) return false;
  for (;;) {
    PyRef block(PyIter_Next(iterator.get()));
    if (!block) break;
    if (!send_block(request, block.get(), single)) return false;
    if (single) return true;
  }
  return PyErr_Occurred() == nullptr && send_end(request);
}

bool send_region(Request& request, const FileRegion& region) {
  net::Sent sent;
  int error;
  {
    ExchangeLock exchange(request);
    if (!exchange) return false;
    sent =
        call_exchange(request, 0, [&] { return exchange->send_file(region.fd, region.offset, region.size); });
    error = errno;
  }
  return check_sent(request, sent, error) && send_end(request);
}

bool send_file(const Runner& runner, Request& request, PyObject* wrapper) {
  FileRegion region;
  const RegionResult result = find_region(runner.hooks, wrapper, region);
  if (result == RegionResult::error) return false;
  if (result == RegionResult::none || !request.started) return send_iterable(request, wrapper);
  return send_region(request, region);
}

bool send_result(const Runner& runner, Request& request, PyObject* result) {
  if (is_plain_sequence(result)) return send_sequence(request, result);
  const bool is_file = Py_TYPE(result) == reinterpret_cast<PyTypeObject*>(runner.state.file_wrapper_type);
  return is_file ? send_file(runner, request, result) : send_iterable(request, result);
}

/// Calls the iterable's close(), if it has one. False with an exception set.
bool call_close(const State& state, PyObject* result) {
  PyRef close(PyObject_GetAttr(result, state.close_name));
  if (!close) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return false;
    PyErr_Clear();
    return true;
  }
  return static_cast<bool>(PyRef(PyObject_CallNoArgs(close.get())));
}

/// close() is called however the iteration ended (PEP 3333); the first exception is the one that counts.
bool close_result(const State& state, PyObject* result, bool sent) {
  if (is_plain_sequence(result)) return sent;
  if (sent) return call_close(state, result);
  PendingError first;
  if (!call_close(state, result)) PyErr_WriteUnraisable(result);
  first.restore();
  return false;
}

/// Answers a request that may not run, and gives the exchange back.
bool refuse(Request& request, const http::Refusal& refusal) {
  net::Exchange* exchange = take_exchange(request);
  GilRelease without_gil;
  exchange->refuse(refusal);
  return true;
}

/// Calls the application and sends what it returns. False with an exception set.
bool run_app(const Runner& runner, PyObject* request, PyObject* environ) {
  PyRef start_response = new_start_response(request);
  if (!start_response) return false;
  PyRef result(PyObject_CallFunctionObjArgs(runner.app, environ, start_response.get(), nullptr));
  if (!result) return false;
  if (is_forked(runner.server)) return true;
  const bool sent = send_result(runner, as_request(request), result.get());
  return close_result(runner.state, result.get(), sent);
}

/// The environ's entry of that name, in upper case if not as it is; borrowed, or null.
PyObject* find_variable(PyObject* environ, std::string name) {
  if (PyObject* value = PyDict_GetItemString(environ, name.c_str())) return value;
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return PyDict_GetItemString(environ, name.c_str());
}

/// Gives the access log what it shows of the environ, as the application left it. What has no text is left
/// out; an exception that is set stays.
void log_variables(const std::vector<std::string>& names, Request& request, PyObject* environ) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  for (std::size_t place = 0; place < names.size(); ++place) {
    PyObject* found = find_variable(environ, names[place]);
    PyRef text(found == nullptr ? nullptr : PyObject_Str(found));
    Py_ssize_t size = 0;
    const char* bytes = text ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
    PyErr_Clear();
    ExchangeLock exchange(request);
    if (exchange && bytes != nullptr) exchange->log_variable(place, {bytes, static_cast<std::size_t>(size)});
    PyErr_Clear();
  }
  PyErr_Restore(type, value, traceback);
}

/// The application's part. False with an exception set.
bool respond(const Runner& runner, PyObject* request, const net::Exchange& exchange) {
  http::Refusal refusal;
  PyRef environ = runner.environ.build(runner.state, request, exchange, refusal);
  if (refusal.status != 0) return refuse(as_request(request), refusal);
  if (!environ) return false;
  bool done = false;
  if (has_request_hooks(as_request(request))) {
    RequestHooks hooked(runner.hooks, request, environ.get());
    done = hooked.begin() && run_app(runner, request, environ.get());
    if (!is_forked(runner.server)) done = hooked.end(done);
  } else {
    done = run_app(runner, request, environ.get());
  }
  const std::vector<std::string>& logged = exchange.logged_variables();
  if (!logged.empty() && !is_forked(runner.server)) log_variables(logged, as_request(request), environ.get());
  return done;
}

/// Tells the Python side about an application's failure. What goes wrong there is printed, not raised.
void report(const Runner& runner, PyObject* line, const PendingError& error, bool head_sent) {
  PyRef reported(PyObject_CallFunctionObjArgs(runner.hooks.on_error.get(), line, error.value(),
                                              head_sent ? Py_True : Py_False, nullptr));
  if (!reported) PyErr_WriteUnraisable(runner.hooks.on_error.get());
}

/// A child that the application forked inside a request and that came back here instead of ending.
[[noreturn]] void end_stray_child(const Runner& runner, bool responded) {
  PyObject* value = Py_None;
  if (responded) {
    PyRef ignored(PyObject_CallFunctionObjArgs(runner.hooks.on_stray_child.get(), value, nullptr));
  } else {
    const PendingError error;
    PyRef ignored(PyObject_CallFunctionObjArgs(runner.hooks.on_stray_child.get(), error.value(), nullptr));
  }
  _exit(1);  // the hook has failed
}

/// After a failure: logs it and fails the exchange. False when the worker must leave.
bool conclude_failure(const Runner& runner, Request& request, net::Exchange& exchange) {
  PendingError error;
  const bool leave = error.matches(PyExc_SystemExit) || error.matches(PyExc_KeyboardInterrupt);
  const bool quiet = request.client_gone && error.matches(PyExc_OSError);
  const std::string_view text = exchange.head().line;
  PyRef line(PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
  if (!quiet && line) report(runner, line.get(), error, exchange.head_sent());
  if (take_exchange(request) != nullptr) call_exchange(request, 0, [&] { exchange.fail(); });
  if (leave) error.restore();
  return !leave;
}

}  // namespace

bool run_request(const Runner& runner, net::Exchange& exchange) {
  PyRef object = new_request(runner.state, runner.server, &exchange);
  if (!object) {
    PyErr_WriteUnraisable(runner.app);
    exchange.fail();
    return true;
  }
  return run_request(runner, as_request(object.get()));
}

bool run_request(const Runner& runner, Request& request) {
  net::Exchange& exchange = *request.exchange;
  const bool responded = respond(runner, reinterpret_cast<PyObject*>(&request), exchange);
  if (is_forked(runner.server)) end_stray_child(runner, responded);
  if (!responded) return conclude_failure(runner, request, exchange);
  if (take_exchange(request) != nullptr) call_exchange(request, 0, [&] { exchange.finish(); });
  return true;
}

}  // namespace gserve::wsgi
