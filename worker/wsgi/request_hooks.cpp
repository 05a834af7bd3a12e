// SPDX-License-Identifier: MIT
#include "worker/wsgi/request_hooks.h"

#include "worker/wsgi/server_object.h"

namespace gserve::wsgi {
namespace {

PyObject* latin1(std::string_view text) {
  return PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
}

/// [(name, value), ...] as sent; null with an exception set.
PyRef field_list(const http::RequestHead& head) {
  PyRef list(PyList_New(0));
  for (const http::Field& field : head.fields) {
    const PyRef name(latin1(field.name));
    const PyRef value(latin1(field.value));
    const PyRef pair(name && value ? PyTuple_Pack(2, name.get(), value.get()) : nullptr);
    if (!list || !pair || PyList_Append(list.get(), pair.get()) != 0) return PyRef();
  }
  return list;
}

PyObject* or_none(PyObject* object) {
  return object == nullptr ? Py_None : object;
}

}  // namespace

bool has_request_hooks(const Request& request) {
  return hooks(request.server).begin_request.get() != Py_None;
}

bool RequestHooks::begin() {
  const http::RequestHead& head = as_request(request_).exchange->head();
  const PyRef fields = field_list(head);
  const PyRef path(latin1(head.path));
  if (!fields || !path) return false;
  seen_ = PyRef(
      PyObject_CallFunctionObjArgs(hooks_.begin_request.get(), environ_, fields.get(), path.get(), nullptr));
  return static_cast<bool>(seen_);
}

bool RequestHooks::end(bool done) {
  if (!seen_) return false;  // begin_request has done both
  if (done) return call_end();
  PendingError first;
  if (!call_end()) PyErr_WriteUnraisable(hooks_.end_request.get());
  first.restore();
  return false;
}

bool RequestHooks::call_end() {
  Request& request = as_request(request_);
  bool sent = false;
  std::uint64_t bytes = 0;
  {
    ExchangeLock exchange(request);
    if (!exchange) return false;
    sent = exchange->head_sent();
    bytes = exchange->body_sent();
  }
  const PyRef count(PyLong_FromUnsignedLongLong(bytes));
  return count && PyRef(PyObject_CallFunctionObjArgs(hooks_.end_request.get(), seen_.get(), environ_,
                                                     or_none(request.status), or_none(request.headers),
                                                     sent ? Py_True : Py_False, count.get(), nullptr));
}

}  // namespace gserve::wsgi
