// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/config/settings.h"

namespace gserve::config {

/// gunicorn's proc_name, for process titles: --name, else default_proc_name if it is set, else the application
/// as given.
std::string process_name(const Settings& settings);

/// What programs' names in syslog begin with, as in gunicorn: gunicorn.PREFIX, PREFIX being syslog_prefix, else
/// the process name.
std::string syslog_name(const Settings& settings);

/// The name that gservectl knows this instance by, [A-Za-z0-9_.-]{1,64} and not starting with '.': --name,
/// else the application's module. Every byte that is not allowed becomes '-'. Needs wsgi_app.
std::string instance_name(const Settings& settings);

}  // namespace gserve::config
