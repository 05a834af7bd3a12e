// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "common/tls_context.h"

namespace gserve::io {

/// What is wrong with the certificates and keys of `material`, in one line; empty: a worker can serve with them.
/// Loads the library of common/tls_check.h, which then stays; `binary_directory` is where gserve stands.
std::string check_tls(const tls::Material& material, const std::string& binary_directory);

}  // namespace gserve::io
