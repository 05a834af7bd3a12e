// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/config/settings.h"

namespace gserve::io {

/// Reads the certificates and keys that `settings` name, relative to the application's directory, and makes
/// sure that a worker can serve with them. Returns what workers get of it, the "tls" of
/// common/launch_contract.h (empty: TLS is off), or in one line which file or setting is wrong.
/// `binary_directory` is where gserve stands.
///
/// The supervisor reads them and not the workers: those may run as a user who must not read the keys, and
/// all workers of a generation have the same, whenever they are started.
struct TlsMaterial {
  std::string json;
  std::string wrong;
};
TlsMaterial load_tls(const config::Settings& settings, const std::string& binary_directory);

}  // namespace gserve::io
