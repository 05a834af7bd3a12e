// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gserve::config {

/// packaging/man/gserve.8 and gserve.toml.5, in mdoc(7): the options, and the keys of a configuration file, as the
/// table has them.
std::string manual_page();
std::string file_manual_page();

}  // namespace gserve::config
