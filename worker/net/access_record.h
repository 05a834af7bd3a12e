// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "worker/net/access_format.h"

namespace gserve::net {

/// Appends what Python's logging is told of one answered request: a JSON object in one line, with its newline.
/// Read by worker/python/gserve/access_records.py. Keys: h (client's address), port, m (method), target, U
/// (path), q (query), H (protocol), s (status), b (bytes of body), D (microseconds); i and o, the fields of
/// request and response, each a list of [name, value].
void append_access_record(std::string& out, const AccessRecord& record);

}  // namespace gserve::net
