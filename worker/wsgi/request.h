// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

#include "worker/net/exchange.h"
#include "worker/wsgi/hooks.h"
#include "worker/wsgi/py_ref.h"
#include "worker/wsgi/state.h"

namespace gserve::wsgi {

struct ServerObject;

/// What start_response, write, wsgi.input, wsgi.early_hints and gunicorn.socket of one request share. They
/// may live longer than the request, in other threads too: each use of the exchange goes through an
/// ExchangeLock.
struct Request {
  PyObject ob_base;
  ServerObject* server;     // owned
  net::Exchange* exchange;  // null once it was given back
  std::mutex mutex;         // one call into the exchange at a time; never held while Python code runs
  bool started;             // start_response was called
  bool client_gone;         // nobody is there to read the rest
  PyObject* status;         // what start_response got, for hooks; owned, null when there are none
  PyObject* headers;
};

/// Keeps what start_response got.
void remember_head(Request& request, PyObject* status, PyObject* headers);

/// Whether the caller is on the thread of an event loop.
bool may_not_block(const Request& request);

/// A new Request on `exchange`, whose tag it becomes; null with an exception set.
PyRef new_request(const State& state, ServerObject* server, net::Exchange* exchange);
inline Request& as_request(PyObject* object) {
  return *reinterpret_cast<Request*>(object);
}

/// The right to call one function of a request's exchange. Taken with the GIL held; a thread that has to wait
/// for it waits without the GIL, so holding it while waiting for the GIL is safe; an event loop lets others run
/// meanwhile. No Python code may run under it.
class ExchangeLock {
 public:
  explicit ExchangeLock(Request& request);
  ~ExchangeLock() {
    if (locked_) mutex_.unlock();
  }
  ExchangeLock(const ExchangeLock&) = delete;
  ExchangeLock& operator=(const ExchangeLock&) = delete;

  /// False, with an exception set: the request is over, or this process is a fork of the worker.
  explicit operator bool() const { return exchange_ != nullptr; }
  net::Exchange* operator->() const { return exchange_; }

 private:
  std::mutex& mutex_;
  net::Exchange* exchange_ = nullptr;
  bool locked_ = false;
};

/// Calls a function of an exchange that may block, so without the GIL. In an event loop it does not block: there
/// only large data is worth the change.
template <typename Call>
auto call_exchange(const Request& request, std::size_t size, Call call) {
  constexpr std::size_t kLarge = std::size_t{64} << 10;
  if (size <= kLarge && may_not_block(request)) return call();
  GilRelease without_gil;
  return call();
}

/// After an exchange said that it would have to wait: lets others run until it may go on. False with an exception
/// set.
bool wait_for_client(Request& request);

/// Takes the exchange away from the Request, once every call into it has returned: nothing uses it any more.
/// Null if this process is a fork of the worker.
net::Exchange* take_exchange(Request& request);

/// Sends body bytes without the GIL. False, with an exception set, if the client is gone
/// (ConnectionResetError, client_gone is set) or a local error occurred (OSError).
bool send_body(Request& request, std::string_view data, bool last);

/// What the outcome of a send means, as send_body.
bool check_sent(Request& request, net::Sent sent, int error);

}  // namespace gserve::wsgi
