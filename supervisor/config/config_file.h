// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/command_line.h"
#include "supervisor/config/file_values.h"

/// Which configuration file is read, and gserve's own kind of it. A file in Python is run by somebody else.
namespace gserve::config {

struct ConfigFile {
  enum class Kind { none, python, toml } kind = Kind::none;
  std::string location;  // absolute path, or python:MODULE
  Source source = Source::builtin;
  std::string origin = "default";  // who named it, see Settings::origin
};

/// The file that --config names, else ./gunicorn.conf.py or ./gserve.toml where gserve was started; both there
/// is an error. What ends in .toml is TOML.
std::variant<ConfigFile, Ending> choose_config_file(const Layers& layers, const Invocation& invocation);

/// What gserve.toml sets: the names of the settings table at the top level. `path` is for messages.
std::variant<std::vector<FileValue>, Ending> read_toml(const std::string& text, const std::string& path);

}  // namespace gserve::config
