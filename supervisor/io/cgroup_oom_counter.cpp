// SPDX-License-Identifier: MIT
#include "supervisor/io/cgroup_oom_counter.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace gserve::io {
namespace {

/// A mounted hierarchy: `root` is the group that is seen at `point`.
struct Mount {
  std::string root;
  std::string point;
  std::string type;
  std::string options;  // of the file system: the controllers of version 1
};

bool names(const std::string& list, const std::string& word) {
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) {
    if (item == word) return true;
  }
  return false;
}

/// "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS"
std::vector<Mount> mounts(const std::string& file) {
  std::vector<Mount> found;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string skipped;
    Mount mount;
    words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    while (words >> skipped && skipped != "-") {
    }
    words >> mount.type >> skipped >> mount.options;
    if (words) found.push_back(std::move(mount));
  }
  return found;
}

/// The path of our group in the hierarchy with `controller` ("" is version 2); empty: we are in none.
std::string group(const std::string& file, const std::string& controller) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controllers == controller || names(controllers, controller)) return line.substr(second + 1);
  }
  return {};
}

/// Where `path` of the hierarchy is seen below the mount; empty: it is not.
std::string seen_at(const Mount& mount, std::string path) {
  if (path.empty() || path.find("..") != std::string::npos) return {};
  if (mount.root != "/") {
    // In a container our own group is often all that is mounted.
    if (path.compare(0, mount.root.size(), mount.root) != 0) return {};
    path.erase(0, mount.root.size());
  }
  return mount.point + path;
}

std::optional<std::uint64_t> oom_kills(const std::string& file) {
  std::ifstream fields(file);
  std::string name;
  std::uint64_t value = 0;
  while (fields >> name >> value) {
    if (name == "oom_kill") return value;
  }
  return std::nullopt;
}

std::string counter_file(const std::string& root) {
  const std::string groups = root + "/proc/self/cgroup";
  for (const Mount& mount : mounts(root + "/proc/self/mountinfo")) {
    const bool second = mount.type == "cgroup2";
    const bool first = mount.type == "cgroup" && names(mount.options, "memory");
    if (!second && !first) continue;
    const std::string directory = seen_at(mount, group(groups, second ? "" : "memory"));
    if (directory.empty()) continue;
    std::string file = root + directory + (second ? "/memory.events" : "/memory.oom_control");
    if (oom_kills(file)) return file;
  }
  return {};
}

}  // namespace

CgroupOomCounter::CgroupOomCounter(const std::string& root) : path_(counter_file(root)) {}

std::optional<std::uint64_t> CgroupOomCounter::kills() {
  if (path_.empty()) return std::nullopt;
  return oom_kills(path_);
}

}  // namespace gserve::io
