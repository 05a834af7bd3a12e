// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/io/deployment_loader.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"

namespace gserve::io {

/// Whether the settings ask to be looked at instead of being served: --check-config, --print-config.
bool is_check(const config::Settings& settings);

/// Prints what is to be printed, then has the workers' interpreter load the application in a process of its own.
/// The exit code: 0 when that went well, else 1. Throws std::system_error.
int check(const StartContext& context, const Deployment& deployment, SignalQueue& signals);

}  // namespace gserve::io
