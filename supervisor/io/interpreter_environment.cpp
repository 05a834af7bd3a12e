// SPDX-License-Identifier: MIT
#include "supervisor/io/interpreter_environment.h"

#include <filesystem>
#include <system_error>

#include "common/launch_contract.h"

namespace gserve::io {
namespace {

constexpr const char* kOwnVariables[] = {"NOTIFY_SOCKET", "LISTEN_FDS",   "LISTEN_PID", "LISTEN_FDNAMES",
                                         "WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE"};

}  // namespace

std::string bundled_python_directory(const std::string& binary_directory) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(binary_directory).parent_path() / "lib/gserve/python";
  std::error_code error;
  return fs::is_directory(directory / "gserve", error) ? directory.string() : std::string();
}

void erase_own_variables(std::map<std::string, std::string>& environment) {
  for (const char* name : kOwnVariables) environment.erase(name);
}

void add_package(std::map<std::string, std::string>& environment, const std::string& python_directory) {
  const std::string name(contract::kEnvPythonDir);
  environment.erase(name);
  if (python_directory.empty()) return;
  std::string& path = environment["PYTHONPATH"];
  path = path.empty() ? python_directory : python_directory + ":" + path;
  environment[name] = python_directory;
}

void add_raw_env(std::map<std::string, std::string>& environment, const config::Settings& settings) {
  for (const std::string& entry : settings.list("raw_env")) {
    const std::size_t equals = entry.find('=');
    environment[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
}

std::map<std::string, std::string> interpreter_environment(const StartContext& context) {
  auto environment = context.environment;
  erase_own_variables(environment);
  add_package(environment, bundled_python_directory(context.binary_directory));
  return environment;
}

std::vector<std::string> entries(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace gserve::io
