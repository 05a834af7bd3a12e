// SPDX-License-Identifier: MIT
#include "worker/wsgi/field_list.h"

namespace gserve::wsgi {

bool latin1_view(PyObject* text, const char* what, std::string_view& view, std::vector<PyRef>& keep) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what,
                 reinterpret_cast<PyObject*>(Py_TYPE(text)));
    return false;
  }
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text, &size);
  if (data != nullptr && size == PyUnicode_GetLength(text)) {  // ASCII: the same bytes in both
    view = {data, static_cast<std::size_t>(size)};
    return true;
  }
  PyErr_Clear();
  PyRef bytes(PyUnicode_AsLatin1String(text));
  if (!bytes) return false;
  view = {PyBytes_AsString(bytes.get()), static_cast<std::size_t>(PyBytes_Size(bytes.get()))};
  keep.push_back(std::move(bytes));
  return true;
}

bool FieldList::add(PyObject* item) {
  PyRef pair = PyTuple_Check(item) ? PyRef::borrow(item) : PyRef(PySequence_Tuple(item));
  if (!pair) return false;
  if (PyTuple_Size(pair.get()) != 2) {
    PyErr_Format(PyExc_TypeError, "a response header must be a (name, value) pair, not %R", item);
    return false;
  }
  http::Field field;
  if (!latin1_view(PyTuple_GetItem(pair.get(), 0), "a response header's name", field.name, encoded_))
    return false;
  if (!latin1_view(PyTuple_GetItem(pair.get(), 1), "a response header's value", field.value, encoded_))
    return false;
  if (pair.get() != item) encoded_.push_back(std::move(pair));
  fields_.push_back(field);
  return true;
}

bool FieldList::read(PyObject* headers) {
  items_ = PyRef(PySequence_List(headers));  // a copy: the caller's list may change while Python code runs
  if (!items_) return false;
  const Py_ssize_t count = PyList_Size(items_.get());
  fields_.reserve(static_cast<std::size_t>(count));
  for (Py_ssize_t index = 0; index < count; ++index) {
    if (!add(PyList_GetItem(items_.get(), index))) return false;
  }
  return true;
}

}  // namespace gserve::wsgi
