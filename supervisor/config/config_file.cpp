// SPDX-License-Identifier: MIT
#include "supervisor/config/config_file.h"

#include <filesystem>
#include <system_error>

namespace gserve::config {
namespace {

namespace fs = std::filesystem;

ConfigFile of_path(const fs::path& path) {
  const auto kind = path.extension() == ".toml" ? ConfigFile::Kind::toml : ConfigFile::Kind::python;
  return {kind, path.lexically_normal().string()};
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::variant<ConfigFile, Ending> named_file(std::string location, const std::string& directory) {
  if (location.starts_with("python:")) return ConfigFile{ConfigFile::Kind::python, std::move(location)};
  if (location.starts_with("file:")) location.erase(0, 5);
  const fs::path path = fs::path(directory) / location;
  if (!is_there(path))
    return Ending{
        kConfigurationError,
        "--config: cannot read " + path.lexically_normal().string() +
            ": there is no such file; name one that exists, or leave --config out: then gunicorn.conf.py or "
            "gserve.toml is read, where it is there",
        false};
  return of_path(path);
}

std::variant<ConfigFile, Ending> default_file(const std::string& directory) {
  const fs::path of_gunicorn = fs::path(directory) / "gunicorn.conf.py";
  const fs::path own = fs::path(directory) / "gserve.toml";
  if (is_there(of_gunicorn) && is_there(own)) {
    return Ending{kConfigurationError,
                  "both gunicorn.conf.py and gserve.toml are in " + directory + "; choose one with --config",
                  false};
  }
  if (is_there(of_gunicorn)) return of_path(of_gunicorn);
  if (is_there(own)) return of_path(own);
  return ConfigFile{};
}

}  // namespace

std::variant<ConfigFile, Ending> choose_config_file(const Layers& layers, const Invocation& invocation) {
  const Assignment* named = layers.find("config");
  const auto* location = named ? std::get_if<std::string>(&named->value) : nullptr;
  if (location == nullptr || location->empty()) return default_file(invocation.directory);
  auto chosen = named_file(*location, invocation.directory);
  if (auto* file = std::get_if<ConfigFile>(&chosen)) {
    file->source = named->source;
    file->origin = named->origin;
  }
  return chosen;
}

}  // namespace gserve::config
