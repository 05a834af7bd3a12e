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
  Py_XDECREF(reinterpret_cast<PyObject*>(request.server));
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyObject* make_request_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(deallocate)}, {0, nullptr}};
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
  return PyRef(reinterpret_cast<PyObject*>(request));
}

ExchangeLock::ExchangeLock(Request& request) : mutex_(request.mutex) {
  if (is_forked(request.server)) {  // the mutex may be held by a thread that does not exist here
    PyErr_SetString(PyExc_RuntimeError, "a forked process cannot use the request of its parent");
    return;
  }
  if (!mutex_.try_lock()) {
    GilRelease without_gil;
    mutex_.lock();
  }
  locked_ = true;
  exchange_ = request.exchange;
  if (exchange_ == nullptr) PyErr_SetString(PyExc_RuntimeError, "the request is over");
}

net::Exchange* take_exchange(Request& request) {
  if (is_forked(request.server)) return nullptr;
  if (!request.mutex.try_lock()) {
    GilRelease without_gil;
    request.mutex.lock();
  }
  net::Exchange* exchange = std::exchange(request.exchange, nullptr);
  request.mutex.unlock();
  return exchange;
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
  net::Sent sent;
  int error;
  {
    ExchangeLock exchange(request);
    if (!exchange) return false;
    GilRelease without_gil;
    sent = exchange->send(data, last);
    error = errno;
  }
  return check_sent(request, sent, error);
}

}  // namespace gserve::wsgi
