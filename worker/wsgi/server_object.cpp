// SPDX-License-Identifier: MIT
#include "worker/wsgi/server_object.h"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <optional>

#include "worker/net/server.h"
#include "worker/wsgi/environ.h"
#include "worker/wsgi/response.h"
#include "worker/wsgi/server_config.h"
#include "worker/wsgi/state.h"

namespace gserve::wsgi {

/// What a Server object holds. The order matters: the I/O thread (server) ends before what it uses. Requests
/// that the application keeps hold on to it; once it is closed there is nothing in it any more.
struct ServerParts {
  Hooks hooks;
  std::unique_ptr<EnvironBuilder> environ;
  ScoreboardMapping scoreboard;
  std::unique_ptr<net::Server> server;
  std::atomic<bool> forked{false};
};

struct ServerObject {
  PyObject ob_base;
  ServerParts* parts;  // owned
};

bool is_forked(const ServerObject* server) {
  return server->parts->forked.load(std::memory_order_relaxed);
}
bool on_loop_thread(const ServerObject* server) {
  return server->parts->server->on_loop_thread();
}
const Hooks& hooks(const ServerObject* server) {
  return server->parts->hooks;
}

namespace {

ServerParts& parts_of(PyObject* self) {
  return *reinterpret_cast<ServerObject*>(self)->parts;
}

/// The running server of this process, for the fork handlers, which get no argument. pthread_atfork and not
/// os.register_at_fork: C code forks too.
std::atomic<ServerParts*> running{nullptr};

void before_fork() {
  if (ServerParts* parts = running.load()) parts->server->before_fork();
}

void after_fork_in_parent() {
  if (ServerParts* parts = running.load()) parts->server->after_fork_in_parent();
}

void after_fork_in_child() {
  ServerParts* parts = running.exchange(nullptr);
  if (parts == nullptr) return;
  parts->forked.store(true);
  parts->server->after_fork_in_child();
}

void watch_forks(ServerParts* parts) {
  static const int kRegistered = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  if (kRegistered != 0) throw std::bad_alloc();
  running.store(parts);
}

bool read_hooks(PyObject* dict, Hooks& into) {
  const std::pair<const char*, PyRef*> places[] = {{"on_error", &into.on_error},
                                                   {"file_region", &into.file_region},
                                                   {"make_socket", &into.make_socket},
                                                   {"on_stray_child", &into.on_stray_child},
                                                   {"begin_request", &into.begin_request},
                                                   {"end_request", &into.end_request},
                                                   {"wait", &into.wait},
                                                   {"pause", &into.pause}};
  for (const auto& [name, place] : places) {
    *place = PyRef::borrow(PyDict_GetItemString(dict, name));
    if (!*place) {
      PyErr_Format(PyExc_KeyError, "the server's hooks lack '%s'", name);
      return false;
    }
  }
  return true;
}

std::unique_ptr<ServerParts> make_parts(PyObject* config_dict, PyObject* environ_dict, PyObject* hooks_dict) {
  auto parts = std::make_unique<ServerParts>();
  net::ServerConfig config;
  if (!read_server_config(config_dict, config, parts->scoreboard)) return nullptr;
  if (!read_hooks(hooks_dict, parts->hooks)) return nullptr;
  parts->environ = EnvironBuilder::create(environ_dict);
  if (!parts->environ) return nullptr;
  parts->server = std::make_unique<net::Server>(std::move(config));
  return parts;
}

PyObject* create(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    PyObject *config, *environ, *hook_functions;
    PyObject* dict = reinterpret_cast<PyObject*>(&PyDict_Type);
    if (PyArg_ParseTuple(args, "O!O!O!:Server", dict, &config, dict, &environ, dict, &hook_functions) == 0) {
      return nullptr;
    }
    std::unique_ptr<ServerParts> parts = make_parts(config, environ, hook_functions);
    if (!parts) return nullptr;
    const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
    PyObject* self = allocate(type, 0);
    if (self != nullptr) reinterpret_cast<ServerObject*>(self)->parts = parts.release();
    return self;
  });
}

/// The server, or null with an exception set if it was closed.
net::Server* server_of(PyObject* self) {
  net::Server* server = parts_of(self).server.get();
  if (server == nullptr) PyErr_SetString(PyExc_ValueError, "the server is closed");
  return server;
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  ServerParts* parts = &parts_of(self);
  ServerParts* expected = parts;
  running.compare_exchange_strong(expected, nullptr);
  // A fork has no I/O thread to end, and its parent's connections are none of its business.
  if (parts->forked.load()) static_cast<void>(parts->server.release());
  delete parts;
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* start(PyObject* self, PyObject*) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    net::Server* server = server_of(self);
    if (server == nullptr) return nullptr;
    watch_forks(&parts_of(self));
    server->start();
    Py_RETURN_NONE;
  });
}

enum class Executor { main_thread, other_thread };

/// Takes the next request; null when there is none any more, or with an exception set by a signal's handler.
/// Those run on the main thread only.
net::Exchange* take(net::Server& server, Executor executor) {
  for (;;) {
    bool interrupted = false;
    net::Exchange* exchange;
    {
      GilRelease without_gil;
      exchange = server.take(executor == Executor::main_thread ? &interrupted : nullptr);
    }
    if (exchange != nullptr || !interrupted) return exchange;
    if (PyErr_CheckSignals() != 0) return nullptr;
  }
}

PyObject* run(PyObject* self, PyObject* app, Executor executor) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    ServerParts& parts = parts_of(self);
    if (server_of(self) == nullptr) return nullptr;
    const auto& state = *static_cast<State*>(PyType_GetModuleState(Py_TYPE(self)));
    const Runner runner{state, parts.hooks, *parts.environ, reinterpret_cast<ServerObject*>(self), app};
    while (net::Exchange* exchange = take(*parts.server, executor)) {
      if (!run_request(runner, *exchange)) return nullptr;
      if (PyErr_CheckSignals() != 0) return nullptr;
    }
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NONE;
  });
}

PyObject* run_sync(PyObject* self, PyObject* app) {
  return run(self, app, Executor::main_thread);
}

PyObject* run_thread(PyObject* self, PyObject* app) {
  return run(self, app, Executor::other_thread);
}

PyObject* ready_fd(PyObject* self, PyObject*) {
  net::Server* server = server_of(self);
  return server == nullptr ? nullptr : PyLong_FromLong(server->ready_fd());
}

/// Calls start(request) for a new request. False with an exception set, and the request failed.
bool start_request(const State& state, ServerObject* server, net::Exchange& exchange, PyObject* start) {
  PyRef request = new_request(state, server, &exchange);
  if (!request) {
    exchange.fail();
    return false;
  }
  if (PyRef(PyObject_CallFunctionObjArgs(start, request.get(), nullptr))) return true;
  PendingError error;
  if (take_exchange(as_request(request.get())) != nullptr) exchange.fail();
  error.restore();
  return false;
}

/// Calls resume(request) for one that waits; it may be over.
bool resume_request(const net::Exchange& exchange, PyObject* resume) {
  if (exchange.tag == nullptr) return true;
  const PyRef request = PyRef::borrow(static_cast<PyObject*>(exchange.tag));
  return static_cast<bool>(PyRef(PyObject_CallFunctionObjArgs(resume, request.get(), nullptr)));
}

/// The event loop's timers and descriptors have their turn after so many.
constexpr int kReadyTurn = 64;

PyObject* run_ready(PyObject* self, PyObject* args) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    PyObject *start, *resume;
    if (PyArg_ParseTuple(args, "OO:run_ready", &start, &resume) == 0) return nullptr;
    net::Server* server = server_of(self);
    if (server == nullptr) return nullptr;
    const auto& state = *static_cast<State*>(PyType_GetModuleState(Py_TYPE(self)));
    for (int count = 0; count < kReadyTurn; ++count) {
      const net::Ready ready = server->take_ready();
      bool done = true;
      switch (ready.kind) {
        case net::Ready::Kind::nothing:
          Py_RETURN_TRUE;
        case net::Ready::Kind::ended:
          Py_RETURN_FALSE;
        case net::Ready::Kind::request:
          done = start_request(state, reinterpret_cast<ServerObject*>(self), *ready.exchange, start);
          break;
        case net::Ready::Kind::resumed:
          done = resume_request(*ready.exchange, resume);
          break;
      }
      if (!done) return nullptr;
    }
    Py_RETURN_TRUE;
  });
}

PyObject* run_one(PyObject* self, PyObject* args) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    ServerParts& parts = parts_of(self);
    const auto& state = *static_cast<State*>(PyType_GetModuleState(Py_TYPE(self)));
    PyObject *app, *request;
    if (PyArg_ParseTuple(args, "OO!:run_request", &app, state.request_type, &request) == 0) return nullptr;
    if (server_of(self) == nullptr) return nullptr;
    if (as_request(request).exchange == nullptr) {
      PyErr_SetString(PyExc_RuntimeError, "the request is over");
      return nullptr;
    }
    const Runner runner{state, parts.hooks, *parts.environ, reinterpret_cast<ServerObject*>(self), app};
    if (!run_request(runner, as_request(request))) return nullptr;
    Py_RETURN_NONE;
  });
}

PyObject* drain(PyObject* self, PyObject*) {
  net::Server* server = server_of(self);
  if (server == nullptr) return nullptr;
  server->drain();
  Py_RETURN_NONE;
}

PyObject* stop(PyObject* self, PyObject*) {
  net::Server* server = server_of(self);
  if (server == nullptr) return nullptr;
  server->stop();
  Py_RETURN_NONE;
}

PyObject* join(PyObject* self, PyObject*) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    net::Server* server = server_of(self);
    if (server == nullptr) return nullptr;
    {
      GilRelease without_gil;
      server->join();
    }
    running.store(nullptr);
    Py_RETURN_NONE;
  });
}

PyObject* take_promotion(PyObject* self, PyObject*) {
  net::Server* server = server_of(self);
  if (server == nullptr) return nullptr;
  const std::optional<int> control = server->take_promotion();
  if (!control) Py_RETURN_NONE;
  return PyLong_FromLong(*control);
}

PyObject* close(PyObject* self, PyObject*) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    ServerParts& parts = parts_of(self);
    ServerParts* expected = &parts;
    running.compare_exchange_strong(expected, nullptr);
    parts.server.reset();  // with the GIL: no other thread of Python's forks meanwhile
    parts.scoreboard.unmap();
    parts.environ.reset();
    parts.hooks = Hooks();
    Py_RETURN_NONE;
  });
}

PyMethodDef methods[] = {
    {"start", start, METH_NOARGS, "Starts the I/O thread and accepts connections."},
    {"run_sync", run_sync, METH_O,
     "run_sync(app): runs requests on this thread, the main one, until the server has drained."},
    {"run_thread", run_thread, METH_O,
     "run_thread(app): the same on another thread, beside the main one. All must have ended before join()."},
    {"ready_fd", ready_fd, METH_NOARGS, "Event loops: readable when run_ready() is to be called; else -1."},
    {"run_ready", run_ready, METH_VARARGS,
     "run_ready(start, resume): calls start(request) for each new request and resume(request) for each that "
     "may "
     "go on after it has waited. Never blocks. False when no request will come any more."},
    {"run_request", run_one, METH_VARARGS,
     "run_request(app, request): runs a request that run_ready() has started."},
    {"drain", drain, METH_NOARGS,
     "Accepts nothing more, finishes what was accepted. Safe in signal handlers."},
    {"stop", stop, METH_NOARGS, "Ends as soon as the running requests end. Safe in signal handlers."},
    {"join", join, METH_NOARGS, "Waits for the I/O thread, which flushes what is still to be sent."},
    {"take_promotion", take_promotion, METH_NOARGS,
     "After join(): the control socket of the template that the process is to become, -1 if it could not be "
     "received, None if nobody has asked for one."},
    {"close", close, METH_NOARGS,
     "After join(): lets go of everything. Nothing can be asked of the server any more."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* make_server_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(create)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                         {Py_tp_methods, methods},
                         {0, nullptr}};
  PyType_Spec spec = {"_gserve.Server", sizeof(ServerObject), 0, Py_TPFLAGS_DEFAULT, slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

}  // namespace gserve::wsgi
