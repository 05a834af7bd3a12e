// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/hooks.h"

namespace gserve::wsgi {

struct ServerObject;

/// Whether this process was forked from the one that made the server: then nothing of the server may be used.
bool is_forked(const ServerObject* server);

/// Whether this is the thread of the event loop that serves the requests: it must not block.
bool on_loop_thread(const ServerObject* server);

const Hooks& hooks(const ServerObject* server);

}  // namespace gserve::wsgi
