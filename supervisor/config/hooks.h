// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "supervisor/config/settings.h"

/// gunicorn's hooks: functions in a configuration file in Python. As a value each is where it is defined; the
/// processes that call it run the file again (python/gserve/configuration.py).
namespace gserve::config {

/// Rows of the settings table.
std::span<const Setting> hook_settings();

/// Names of those that run in the hook process.
std::span<const std::string_view> master_hooks();

/// Whether any of them is set.
bool has_hook(const Settings& settings);

}  // namespace gserve::config
