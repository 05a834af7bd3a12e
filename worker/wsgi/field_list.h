// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "worker/http/request.h"
#include "worker/wsgi/py_ref.h"

namespace gserve::wsgi {

/// An application's header fields as views, with what keeps the views valid.
class FieldList {
 public:
  /// Reads an iterable of (name, value) pairs of native strings that fit ISO 8859-1 (PEP 3333). False
  /// with an exception set: TypeError for what is no string or pair, UnicodeEncodeError for what does not fit.
  bool read(PyObject* headers);
  std::span<const http::Field> fields() const { return fields_; }

 private:
  bool add(PyObject* item);

  PyRef items_;
  std::vector<http::Field> fields_;
  std::vector<PyRef> encoded_;
};

/// The bytes of a native string in ISO 8859-1; `keep` gets what holds them if they are not the string's own.
/// False with an exception set. `what` names the value in the message.
bool latin1_view(PyObject* text, const char* what, std::string_view& view, std::vector<PyRef>& keep);

}  // namespace gserve::wsgi
