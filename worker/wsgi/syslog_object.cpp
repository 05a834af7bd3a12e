// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include "common/syslog.h"
#include "worker/wsgi/py_ref.h"
#include "worker/wsgi/state.h"

namespace gserve::wsgi {
namespace {

struct SyslogParts {
  syslog::Sender sender;
  std::string tag;
};

/// A syslog::Sender for Python's handlers: the GIL keeps its callers apart.
struct SyslogObject {
  PyObject ob_base;
  SyslogParts* parts;  // owned
};

SyslogParts& parts_of(PyObject* self) {
  return *reinterpret_cast<SyslogObject*>(self)->parts;
}

PyObject* create(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    const char *address, *facility, *tag;
    if (PyArg_ParseTuple(args, "sss:Syslog", &address, &facility, &tag) == 0) return nullptr;
    const syslog::ParsedTarget parsed = syslog::parse_target(address);
    const auto code = syslog::facility(facility);
    if (!parsed.wrong.empty() || !code)
      return PyErr_Format(PyExc_ValueError, "syslog: %s",
                          code ? parsed.wrong.c_str() : "unknown facility name");
    auto parts = std::make_unique<SyslogParts>(SyslogParts{syslog::Sender(parsed.target, *code), tag});
    const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
    PyObject* self = allocate(type, 0);
    if (self != nullptr) reinterpret_cast<SyslogObject*>(self)->parts = parts.release();
    return self;
  });
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete &parts_of(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* send(PyObject* self, PyObject* args) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    int severity;
    PyObject* bytes;
    char* text;
    Py_ssize_t size;
    if (PyArg_ParseTuple(args, "iO:send", &severity, &bytes) == 0) return nullptr;
    if (PyBytes_AsStringAndSize(bytes, &text, &size) < 0) return nullptr;
    SyslogParts& parts = parts_of(self);
    parts.sender.send(static_cast<syslog::Severity>(severity), parts.tag,
                      {text, static_cast<std::size_t>(size)});
    const auto lost = parts.sender.take_lost();
    if (!lost) Py_RETURN_NONE;
    return PyUnicode_FromFormat("lines that syslog did not take: %llu: %s",
                                static_cast<unsigned long long>(lost->lines), lost->reason.c_str());
  });
}

PyObject* flush(PyObject* self, PyObject*) {
  parts_of(self).sender.flush();
  Py_RETURN_NONE;
}

PyObject* let_go(PyObject* self, PyObject*) {
  parts_of(self).sender.let_go();
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"send", send, METH_VARARGS,
     "send(severity, text): never waits. Returns what there is to say about lines that were lost, or None."},
    {"flush", flush, METH_NOARGS, "Sends what is held back."},
    {"let_go", let_go, METH_NOARGS,
     "In a forked child: closes the connection; the next text makes a new one."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* make_syslog_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(create)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                         {Py_tp_methods, methods},
                         {0, nullptr}};
  PyType_Spec spec = {"_gserve.Syslog", sizeof(SyslogObject), 0, Py_TPFLAGS_DEFAULT, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace gserve::wsgi
