// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "common/tls_context.h"
#include "common/version.h"

/// Whether TLS material is good, as a library of its own that is loaded where a service has a certificate: what
/// OpenSSL costs, 1.7 MiB, the supervisor of a service without TLS does not pay. The file's name has the
/// release in it: after an installation a supervisor that still runs the release before finds no library
/// instead of one that does not fit.
namespace gserve::tls {

/// Below lib/gserve.
inline const std::string kCheckLibrary = std::string("libgserve_tls_check-") + kVersion + ".so";
inline constexpr const char* kCheckSymbol = "gserve_tls_check";

/// The type of gserve_tls_check: sets `wrong` to what is wrong in one line, or leaves it as it is. Any thread.
using Check = void(const Material& material, std::string& wrong);

}  // namespace gserve::tls
