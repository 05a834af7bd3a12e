// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "common/tls_context.h"
#include "worker/wsgi/py_ref.h"

namespace gserve::wsgi {

/// Reads `object`, the "tls" of the launch contract as Python has decoded it (None or null: TLS is off), into
/// `material`. False with an exception set.
bool read_tls_material(PyObject* object, std::optional<tls::Material>& material);

}  // namespace gserve::wsgi
