// SPDX-License-Identifier: MIT
#include "worker/wsgi/request.h"

#include <cerrno>
#include <new>

#include "worker/wsgi/server_object.h"

namespace gserve::wsgi {
namespace {

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Request& request = as_request(self);
  request.mutex.~mutex();
  Py_XDECREF(request.status);
  Py_XDECREF(request.headers);
  Py_XDECREF(reinterpret_cast<PyObject*>(request.server));
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* get_line(PyObject* self, void*) {
  const net::Exchange* exchange = as_request(self).exchange;
  if (exchange == nullptr) Py_RETURN_NONE;
  const std::string_view line = exchange->head().line;
  return PyUnicode_DecodeLatin1(line.data(), static_cast<Py_ssize_t>(line.size()), nullptr);
}

PyObject* get_started(PyObject* self, void*) {
  const net::Exchange* exchange = as_request(self).exchange;
  if (exchange == nullptr) Py_RETURN_NONE;
  return PyFloat_FromDouble(static_cast<double>(exchange->started()) / 1e9);
}

PyGetSetDef attributes[] = {
    {"line", get_line, nullptr, "The request line; None when the request is over.", nullptr},
    {"started", get_started, nullptr,
     "When it began, as time.monotonic(), less the time for which it waited for its client.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

/// Waits for the mutex, which another thread holds. False with an exception set.
bool lock_contended(Request& request) {
  if (may_not_block(request)) {
    while (!request.mutex.try_lock()) {
      if (!PyRef(PyObject_CallNoArgs(hooks(request.server).pause.get()))) return false;
    }
    return true;
  }
  GilRelease without_gil;
  request.mutex.lock();
  return true;
}

}  // namespace

void remember_head(Request& request, PyObject* status, PyObject* headers) {
  const PyRef old_status(std::exchange(request.status, PyRef::borrow(status).release()));
  const PyRef old_headers(std::exchange(request.headers, PyRef::borrow(headers).release()));
}

bool may_not_block(const Request& request) {
  return on_loop_thread(request.server);
}

PyObject* make_request_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)}, {Py_tp_getset, attributes}, {0, nullptr}};
  PyType_Spec spec = {"_gserve.Request", sizeof(Request), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

PyRef new_request(const State& state, ServerObject* server, net::Exchange* exchange) {
  Request* request = PyObject_New(Request, reinterpret_cast<PyTypeObject*>(state.request_type));
  if (request == nullptr) return PyRef();
  Py_INCREF(reinterpret_cast<PyObject*>(server));
  request->server = server;
  request->exchange = exchange;
  new (&request->mutex) std::mutex;
  request->started = false;
  request->client_gone = false;
  request->status = nullptr;
  request->headers = nullptr;
  exchange->tag = request;
  return PyRef(reinterpret_cast<PyObject*>(request));
}

ExchangeLock::ExchangeLock(Request& request) : mutex_(request.mutex) {
  if (is_forked(request.server)) {  // the mutex may be held by a thread that does not exist here
    PyErr_SetString(PyExc_RuntimeError, "a forked process cannot use the request of its parent");
    return;
  }
  if (!mutex_.try_lock() && !lock_contended(request)) return;
  locked_ = true;
  exchange_ = request.exchange;
  if (exchange_ == nullptr) PyErr_SetString(PyExc_RuntimeError, "the request is over");
}

net::Exchange* take_exchange(Request& request) {
  if (is_forked(request.server)) return nullptr;
  while (!request.mutex.try_lock()) {
    if (!lock_contended(request)) {
      PyErr_Clear();  // the request is over all the same
      continue;
    }
    break;
  }
  net::Exchange* exchange = std::exchange(request.exchange, nullptr);
  if (exchange != nullptr) exchange->tag = nullptr;
  request.mutex.unlock();
  return exchange;
}

bool wait_for_client(Request& request) {
  return static_cast<bool>(
      PyRef(PyObject_CallFunctionObjArgs(hooks(request.server).wait.get(), &request, nullptr)));
}

bool check_sent(Request& request, net::Sent sent, int error) {
  if (sent == net::Sent::ok) return true;
  if (sent == net::Sent::client_gone) {
    request.client_gone = true;
    PyErr_SetString(PyExc_ConnectionResetError,
                    "the client closed the connection before the response was sent");
    return false;
  }
  errno = error;
  PyErr_SetFromErrno(PyExc_OSError);
  return false;
}

bool send_body(Request& request, std::string_view data, bool last) {
  for (;;) {
    net::Sent sent;
    int error;
    {
      ExchangeLock exchange(request);
      if (!exchange) return false;
      sent = call_exchange(request, data.size(), [&] { return exchange->send(data, last); });
      error = errno;
    }
    if (sent != net::Sent::must_wait) return check_sent(request, sent, error);
    if (!wait_for_client(request)) return false;
  }
}

}  // namespace gserve::wsgi
