// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "supervisor/config/settings.h"
#include "supervisor/io/start_context.h"

/// What the Python processes of this supervisor find in their environment.
namespace gserve::io {

/// `<binary_directory>/../lib/gserve/python` if it holds the package, else empty.
std::string bundled_python_directory(const std::string& binary_directory);

/// Takes out of a copy of the supervisor's own environment what speaks to the supervisor and not to its
/// children.
void erase_own_variables(std::map<std::string, std::string>& environment);

/// Lets an interpreter find the package in `python_directory` (empty: it has its own); see "Environment" in
/// common/launch_contract.h.
void add_package(std::map<std::string, std::string>& environment, const std::string& python_directory);

/// What --env adds.
void add_raw_env(std::map<std::string, std::string>& environment, const config::Settings& settings);

/// The supervisor's own environment, made fit for an interpreter that is no worker.
std::map<std::string, std::string> interpreter_environment(const StartContext& context);

/// NAME=VALUE.
std::vector<std::string> entries(const std::map<std::string, std::string>& environment);

}  // namespace gserve::io
