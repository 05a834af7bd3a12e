// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// The value of `setting` as JSON text: None is null, a dict an object, anything that is not UTF-8 has U+FFFD in
/// place of it.
std::string to_json(const Setting& setting, const Value& value);

}  // namespace gserve::config
