// SPDX-License-Identifier: MIT
#include "worker/wsgi/input.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

namespace gserve::wsgi {
namespace {

constexpr std::size_t kBlock = 65536;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

struct Input {
  PyObject ob_base;
  PyObject* request;  // owned
  std::string ahead;  // read by readline() and not yet given out
  std::size_t taken;  // so many bytes of `ahead` were given out
  bool ended;
};

Input& as_input(PyObject* object) {
  return *reinterpret_cast<Input*>(object);
}

std::string_view buffered(const Input& input) {
  return std::string_view(input.ahead).substr(input.taken);
}

void consume(Input& input, std::size_t count) {
  input.taken += count;
  if (input.taken < input.ahead.size()) return;
  input.ahead.clear();
  input.taken = 0;
}

/// As Exchange::read_body, after all waiting; -1 with or without an exception set.
ssize_t read_body(Request& request, std::span<char> into) {
  for (;;) {
    ssize_t count;
    {
      ExchangeLock exchange(request);
      if (!exchange) return -1;
      count = call_exchange(request, into.size(), [&] { return exchange->read_body(into); });
    }
    if (count != net::Exchange::kMustWait) return count;
    if (!wait_for_client(request)) return -1;
  }
}

/// Reads once from the exchange: the count, 0 at the end, -1 with an exception set.
ssize_t receive(Input& input, std::span<char> into) {
  if (input.ended) return 0;
  Request& request = as_request(input.request);
  const ssize_t count = read_body(request, into);
  if (count == 0) input.ended = true;
  if (count < 0 && PyErr_Occurred() == nullptr) {
    request.client_gone = true;
    PyErr_SetString(PyExc_ConnectionResetError,
                    "the request body ended early: the client is gone or sent it malformed");
  }
  return count;
}

/// Reads up to `size` bytes into `out`, fewer only at the end.
bool fill(Input& input, std::string& out, std::size_t size) {
  const std::string_view ready = buffered(input).substr(0, size);
  out.assign(ready);
  consume(input, ready.size());
  while (out.size() < size) {
    const std::size_t had = out.size();
    out.resize(had + std::min(size - had, std::max(kBlock, had)));
    const ssize_t count = receive(input, std::span(out).subspan(had));
    out.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0) return false;
    if (count == 0) return true;
  }
  return true;
}

PyObject* to_bytes(std::string_view data) {
  return PyBytes_FromStringAndSize(data.data(), static_cast<Py_ssize_t>(data.size()));
}

/// The optional size argument of read(), readline() and readlines(): None and negative mean all.
bool read_size(PyObject* const* args, Py_ssize_t count, std::size_t& size) {
  size = kAll;
  if (count > 1) {
    PyErr_SetString(PyExc_TypeError, "wsgi.input's methods take at most one argument");
    return false;
  }
  if (count == 0 || args[0] == Py_None) return true;
  const Py_ssize_t value = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
  if (value == -1 && PyErr_Occurred() != nullptr) return false;
  if (value >= 0) size = static_cast<std::size_t>(value);
  return true;
}

PyObject* read(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    std::size_t size;
    std::string data;
    if (!read_size(args, count, size) || !fill(as_input(self), data, size)) return nullptr;
    return to_bytes(data);
  });
}

/// Bytes up to and including the next line feed, at most `size`; empty at the end.
PyObject* take_line(Input& input, std::size_t size) {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view ready = buffered(input);
    const std::size_t found = ready.find('\n', searched);
    const std::size_t line = std::min(found == std::string_view::npos ? kAll : found + 1, size);
    if (line <= ready.size() || input.ended) {
      PyObject* result = to_bytes(ready.substr(0, line));
      if (result != nullptr) consume(input, std::min(line, ready.size()));
      return result;
    }
    searched = ready.size();
    // Not straight into `ahead`: another thread may read lines while this one waits without the GIL.
    const auto block = std::make_unique_for_overwrite<char[]>(kBlock);
    const ssize_t count = receive(input, {block.get(), kBlock});
    if (count < 0) return nullptr;
    input.ahead.erase(0, std::exchange(input.taken, 0));
    input.ahead.append(block.get(), static_cast<std::size_t>(count));
  }
}

PyObject* readline(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    std::size_t size;
    return read_size(args, count, size) ? take_line(as_input(self), size) : nullptr;
  });
}

PyObject* readlines(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    std::size_t hint;
    if (!read_size(args, count, hint)) return nullptr;
    PyRef lines(PyList_New(0));
    for (std::size_t total = 0; lines && total < (hint == 0 ? kAll : hint);) {
      PyRef line(take_line(as_input(self), kAll));
      if (!line) return nullptr;
      const auto length = static_cast<std::size_t>(PyBytes_Size(line.get()));
      if (length == 0) break;
      total += length;
      if (PyList_Append(lines.get(), line.get()) < 0) return nullptr;
    }
    return lines.release();
  });
}

PyObject* next_line(PyObject* self) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    PyRef line(take_line(as_input(self), kAll));
    return line && PyBytes_Size(line.get()) > 0 ? line.release() : nullptr;
  });
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Input& input = as_input(self);
  input.ahead.~basic_string();
  Py_XDECREF(input.request);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"read", as_method(read), METH_FASTCALL,
     "read([size]): that many bytes of the body, fewer only at its end."},
    {"readline", as_method(readline), METH_FASTCALL, "readline([size]): one line, at most that many bytes."},
    {"readlines", as_method(readlines), METH_FASTCALL, "readlines([hint]): the lines, as a list."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* make_input_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                         {Py_tp_methods, methods},
                         {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                         {Py_tp_iternext, reinterpret_cast<void*>(next_line)},
                         {0, nullptr}};
  PyType_Spec spec = {"_gserve.Input", sizeof(Input), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

PyRef new_input(const State& state, PyObject* request, bool has_body) {
  Input* input = PyObject_New(Input, reinterpret_cast<PyTypeObject*>(state.input_type));
  if (input == nullptr) return PyRef();
  Py_INCREF(request);
  input->request = request;
  new (&input->ahead) std::string;
  input->taken = 0;
  input->ended = !has_body;
  return PyRef(reinterpret_cast<PyObject*>(input));
}

}  // namespace gserve::wsgi
