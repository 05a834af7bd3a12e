// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// The part of the table that holds gunicorn's settings whose built-in value is the only one that this version
/// accepts: it then behaves as gunicorn does by default. To implement one, move its row to table.cpp.
std::span<const Setting> unsupported_settings();

}  // namespace gserve::config
