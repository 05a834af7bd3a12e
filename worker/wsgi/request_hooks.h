// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/hooks.h"
#include "worker/wsgi/request.h"

/// gunicorn's hooks pre_request and post_request (python/gserve/request_hooks.py). Both are called while the
/// executor owns the exchange: what they take is time of the request.
namespace gserve::wsgi {

/// Whether the user has set one of them.
bool has_request_hooks(const Request& request);

/// The calls for one request. All borrowed.
class RequestHooks {
 public:
  RequestHooks(const Hooks& hooks, PyObject* request, PyObject* variables)
      : hooks_(hooks), request_(request), environ_(variables) {}

  /// Before the application; it may change the environ. False with an exception set: the request fails, and
  /// post_request was called.
  bool begin();
  /// After the application, whether it went well (`done`) or raised what is set. Whether all went well; if
  /// not, the first exception is set.
  bool end(bool done);

 private:
  bool call_end();

  const Hooks& hooks_;
  PyObject* request_;
  PyObject* environ_;
  PyRef seen_;  // what begin_request returned
};

}  // namespace gserve::wsgi
