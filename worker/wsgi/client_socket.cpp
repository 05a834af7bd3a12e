// SPDX-License-Identifier: MIT
#include "worker/wsgi/client_socket.h"

#include "worker/wsgi/server_object.h"

namespace gserve::wsgi {
namespace {

struct ClientSocket {
  PyObject ob_base;
  PyObject* request;  // owned
  PyObject* socket;   // owned, null until it is needed
};

ClientSocket& as_client_socket(PyObject* object) {
  return *reinterpret_cast<ClientSocket*>(object);
}

PyObject* make_socket(Request& request) {
  int fd;
  {
    ExchangeLock exchange(request);
    if (!exchange) return nullptr;
    fd = exchange->socket();
  }
  PyRef number(PyLong_FromLong(fd));
  if (!number) return nullptr;
  return PyObject_CallFunctionObjArgs(hooks(request.server).make_socket.get(), number.get(), nullptr);
}

PyObject* get_attribute(PyObject* self, PyObject* name) {
  ClientSocket& client = as_client_socket(self);
  if (client.socket == nullptr) {
    PyRef made(make_socket(as_request(client.request)));
    if (!made) return nullptr;
    if (client.socket == nullptr) client.socket = made.release();
  }
  return PyObject_GetAttr(client.socket, name);
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(as_client_socket(self).socket);
  Py_XDECREF(as_client_socket(self).request);
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyObject* make_client_socket_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                         {Py_tp_getattro, reinterpret_cast<void*>(get_attribute)},
                         {0, nullptr}};
  PyType_Spec spec = {"_gserve.ClientSocket", sizeof(ClientSocket), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

PyRef new_client_socket(const State& state, PyObject* request) {
  ClientSocket* client =
      PyObject_New(ClientSocket, reinterpret_cast<PyTypeObject*>(state.client_socket_type));
  if (client == nullptr) return PyRef();
  Py_INCREF(request);
  client->request = request;
  client->socket = nullptr;
  return PyRef(reinterpret_cast<PyObject*>(client));
}

}  // namespace gserve::wsgi
