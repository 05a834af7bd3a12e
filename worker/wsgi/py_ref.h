// SPDX-License-Identifier: MIT
#pragma once

#include <Python.h>

#include <new>
#include <stdexcept>
#include <utility>

namespace gserve::wsgi {

/// Owns one reference to a Python object, or none. All functions need the GIL.
class PyRef {
 public:
  PyRef() = default;
  /// Takes over a new reference; null is allowed.
  explicit PyRef(PyObject* stolen) : object_(stolen) {}
  /// Makes a reference of its own.
  static PyRef borrow(PyObject* borrowed) {
    Py_XINCREF(borrowed);
    return PyRef(borrowed);
  }
  PyRef(PyRef&& other) noexcept : object_(other.release()) {}
  PyRef& operator=(PyRef&& other) noexcept {
    PyObject* old = std::exchange(object_, other.release());
    Py_XDECREF(old);
    return *this;
  }
  PyRef(const PyRef&) = delete;
  PyRef& operator=(const PyRef&) = delete;
  ~PyRef() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_ = nullptr;
};

/// Releases the GIL for its life. The destructor may unwind: taking the GIL ends a daemon thread
/// (pthread_exit) when the interpreter is finalizing.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  ~GilRelease() noexcept(false) { PyEval_RestoreThread(state_); }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

/// The exception that was being raised, set aside so that other Python code can run.
class PendingError {
 public:
  /// Takes the current exception, normalized and with its traceback; there must be one.
  PendingError() {
    PyErr_Fetch(&type_, &value_, &traceback_);
    PyErr_NormalizeException(&type_, &value_, &traceback_);
    if (value_ != nullptr && traceback_ != nullptr) PyException_SetTraceback(value_, traceback_);
  }
  PendingError(const PendingError&) = delete;
  PendingError& operator=(const PendingError&) = delete;
  ~PendingError() {
    Py_XDECREF(type_);
    Py_XDECREF(value_);
    Py_XDECREF(traceback_);
  }
  bool matches(PyObject* type) const { return PyErr_GivenExceptionMatches(type_, type) != 0; }
  PyObject* value() const { return value_; }
  /// Raises it again.
  void restore() {
    PyErr_Restore(std::exchange(type_, nullptr), std::exchange(value_, nullptr),
                  std::exchange(traceback_, nullptr));
  }

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

/// Runs `body`, the whole of a function that Python calls: no C++ exception may pass through Python's C
/// frames.
template <typename Result, typename Body>
Result guarded(Result on_error, Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return on_error;
}

template <typename Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace gserve::wsgi
