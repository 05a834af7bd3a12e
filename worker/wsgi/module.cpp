// SPDX-License-Identifier: MIT
#include <sys/prctl.h>
#include <csignal>

#include "common/process_title.h"
#include "common/version.h"
#include "worker/wsgi/py_ref.h"
#include "worker/wsgi/state.h"

namespace gserve::wsgi {
namespace {

State* state_of(PyObject* module) {
  return static_cast<State*>(PyModule_GetState(module));
}

int execute(PyObject* module) {
  State* state = state_of(module);
  if ((state->server_type = make_server_type(module)) == nullptr) return -1;
  if ((state->request_type = make_request_type(module)) == nullptr) return -1;
  if ((state->input_type = make_input_type(module)) == nullptr) return -1;
  if ((state->client_socket_type = make_client_socket_type(module)) == nullptr) return -1;
  if ((state->file_wrapper_type = make_file_wrapper_type(module)) == nullptr) return -1;
  if ((state->close_name = PyUnicode_InternFromString("close")) == nullptr) return -1;
  if (PyModule_AddObjectRef(module, "Server", state->server_type) < 0) return -1;
  if (PyModule_AddObjectRef(module, "FileWrapper", state->file_wrapper_type) < 0) return -1;
  const PyRef syslog(make_syslog_type(module));
  if (!syslog || PyModule_AddObjectRef(module, "Syslog", syslog.get()) < 0) return -1;
  return PyModule_AddStringConstant(module, "__version__", kVersion);
}

int traverse(PyObject* module, visitproc visit, void* arg) {
  State* state = state_of(module);
  Py_VISIT(state->server_type);
  Py_VISIT(state->request_type);
  Py_VISIT(state->input_type);
  Py_VISIT(state->client_socket_type);
  Py_VISIT(state->file_wrapper_type);
  return 0;
}

int clear(PyObject* module) {
  State* state = state_of(module);
  Py_CLEAR(state->server_type);
  Py_CLEAR(state->request_type);
  Py_CLEAR(state->input_type);
  Py_CLEAR(state->client_socket_type);
  Py_CLEAR(state->file_wrapper_type);
  Py_CLEAR(state->close_name);
  return 0;
}

PyObject* show_title(PyObject* /*module*/, PyObject* title) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(title, &size);
  if (text == nullptr) return nullptr;
  set_process_title({text, static_cast<std::size_t>(size)});
  Py_RETURN_NONE;
}

/// Linux only, like the rest; prctl(2), PR_SET_PDEATHSIG.
PyObject* die_with_parent(PyObject* /*module*/, PyObject* /*unused*/) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return PyErr_SetFromErrno(PyExc_OSError);
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {{"set_process_title", show_title, METH_O, "What ps shows of this process."},
                           {"die_with_parent", die_with_parent, METH_NOARGS,
                            "From now on this process is killed when its parent ends."},
                           {nullptr, nullptr, 0, nullptr}};

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(execute)}, {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_gserve",
                          "The HTTP core of a gserve worker: PEP 3333 on top of the I/O thread.",
                          sizeof(State),
                          functions,
                          slots,
                          traverse,
                          clear,
                          nullptr};

}  // namespace
}  // namespace gserve::wsgi

// NOLINTNEXTLINE(bugprone-reserved-identifier): the import system looks for this name
PyMODINIT_FUNC PyInit__gserve() {
  return PyModuleDef_Init(&gserve::wsgi::definition);
}
