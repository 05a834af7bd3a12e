// SPDX-License-Identifier: MIT
#include "worker/wsgi/tls_config.h"

#include <charconv>
#include <string>

namespace gserve::wsgi {
namespace {

bool read_text(PyObject* dict, const char* name, std::string& into) {
  PyObject* object = PyDict_GetItemString(dict, name);
  if (object == nullptr) {
    PyErr_Format(PyExc_KeyError, "the server's tls settings lack '%s'", name);
    return false;
  }
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text == nullptr) return false;
  into.assign(text, static_cast<std::size_t>(size));
  return true;
}

bool read_certificate(PyObject* dict, tls::Certificate& into) {
  return dict != nullptr && read_text(dict, "host", into.host) && read_text(dict, "chain", into.chain) &&
         read_text(dict, "key", into.key) && read_text(dict, "chain_file", into.chain_file) &&
         read_text(dict, "key_file", into.key_file);
}

bool read_certificates(PyObject* list, std::vector<tls::Certificate>& into) {
  const Py_ssize_t count = list == nullptr ? 0 : PyList_Size(list);
  for (Py_ssize_t index = 0; index < count; ++index) {
    if (!read_certificate(PyList_GetItem(list, index), into.emplace_back())) return false;
  }
  return count >= 0;
}

bool read_demand(PyObject* dict, tls::ClientCertificates& into) {
  PyObject* object = PyDict_GetItemString(dict, "client_certificates");
  const long number = object == nullptr ? 0 : PyLong_AsLong(object);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  into = static_cast<tls::ClientCertificates>(number);
  return true;
}

bool read_ticket_key(PyObject* dict, std::string& into) {
  std::string text;
  if (!read_text(dict, "ticket_key", text)) return false;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    unsigned char byte = 0;
    std::from_chars(text.data() + at, text.data() + at + 2, byte, 16);
    into += static_cast<char>(byte);
  }
  return true;
}

}  // namespace

bool read_tls_material(PyObject* object, std::optional<tls::Material>& material) {
  if (object == nullptr || object == Py_None) return true;
  if (PyDict_Check(object) == 0) {
    PyErr_SetString(PyExc_TypeError, "the server's tls settings must be a dict");
    return false;
  }
  tls::Material& into = material.emplace();
  return read_certificates(PyDict_GetItemString(object, "certificates"), into.certificates) &&
         read_text(object, "client_authorities", into.client_authorities) &&
         read_text(object, "client_authorities_file", into.client_authorities_file) &&
         read_demand(object, into.client_certificates) && read_text(object, "ciphers", into.ciphers) &&
         read_ticket_key(object, into.ticket_key);
}

}  // namespace gserve::wsgi
