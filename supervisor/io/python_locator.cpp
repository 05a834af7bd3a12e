// SPDX-License-Identifier: MIT
#include "supervisor/io/python_locator.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <string_view>
#include <vector>

namespace gserve::io {
namespace {

namespace fs = std::filesystem;

std::string variable(const PythonSearch& search, const char* name) {
  const auto entry = search.environment.find(name);
  return entry == search.environment.end() ? std::string() : entry->second;
}

bool executable(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

/// "3.9" if the file that `path` leads to is named as the interpreter of a version that is too old: python3.9.
std::string too_old(const fs::path& path) {
  constexpr std::string_view kName = "python3.";
  constexpr int kOldest = 11;
  std::error_code error;
  const std::string name = fs::canonical(path, error).filename().string();
  if (name.starts_with("python2")) return "2";
  if (!name.starts_with(kName)) return {};
  int minor = kOldest;
  std::from_chars(name.data() + kName.size(), name.data() + name.size(), minor);
  return minor < kOldest ? "3." + std::to_string(minor) : "";
}

void add_from_path(const PythonSearch& search, const std::string& name, std::vector<fs::path>& candidates) {
  std::string rest = variable(search, "PATH");
  if (rest.empty()) rest = "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string directory = rest.substr(0, colon);
    if (!directory.empty()) candidates.push_back(fs::path(search.start_directory) / directory / name);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
}

std::vector<fs::path> candidates_for(const PythonSearch& search) {
  std::vector<fs::path> candidates;
  if (search.requested.find('/') != std::string::npos) {
    candidates.push_back(fs::path(search.start_directory) / search.requested);
  } else if (!search.requested.empty()) {
    add_from_path(search, search.requested, candidates);
  } else {
    const std::string environment = variable(search, "VIRTUAL_ENV");
    if (!environment.empty()) candidates.push_back(fs::path(environment) / "bin/python3");
    candidates.push_back(fs::path(search.binary_directory) / "python3");
    add_from_path(search, "python3", candidates);
  }
  return candidates;
}

}  // namespace

LocatedPython locate_python(const PythonSearch& search) {
  std::string tried;
  for (const fs::path& candidate : candidates_for(search)) {
    const std::string old = executable(candidate) ? too_old(candidate) : "";
    if (executable(candidate) && old.empty()) return {candidate.lexically_normal().string(), {}};
    tried += (tried.empty() ? "" : ", ") + candidate.string() + (old.empty() ? "" : " (Python " + old + ")");
  }
  return {{}, "no Python interpreter, 3.11 or newer: tried " + tried + "; give one with --python"};
}

}  // namespace gserve::io
