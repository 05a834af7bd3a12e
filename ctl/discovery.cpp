// SPDX-License-Identifier: MIT
#include "ctl/discovery.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/control_contract.h"
#include "ctl/connection.h"

namespace gserve::ctl {
namespace {

std::vector<Instance> sockets_in(const std::string& root) {
  std::vector<Instance> found;
  std::error_code failure;
  std::filesystem::directory_iterator entry(root, failure);
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    if (control::is_instance_name(name))
      found.push_back({name, entry->path().string() + "/" + control::kSocketFile});
  }
  return found;
}

void sort_out(const Instance& instance, Discovery& discovery) {
  const Result<Connection> result = connect_to(instance.socket);
  const Failure* failure = std::get_if<Failure>(&result);
  if (failure == nullptr || failure->kind == Failure::Kind::no_answer) {
    discovery.live.push_back(instance);
  } else if (failure->kind == Failure::Kind::refused) {
    discovery.closed.push_back(instance);
  }
}

}  // namespace

std::vector<std::string> instance_roots() {
  std::vector<std::string> roots{"/run/gserve"};
  const char* own = std::getenv("XDG_RUNTIME_DIR");
  if (own != nullptr && *own != '\0') roots.push_back(std::string(own) + "/gserve");
  return roots;
}

Discovery discover(const std::vector<std::string>& roots) {
  Discovery discovery;
  for (const std::string& root : roots) {
    for (const Instance& instance : sockets_in(root)) sort_out(instance, discovery);
  }
  const auto by_name = [](const Instance& a, const Instance& b) { return a.name < b.name; };
  std::stable_sort(discovery.live.begin(), discovery.live.end(), by_name);
  std::stable_sort(discovery.closed.begin(), discovery.closed.end(), by_name);
  return discovery;
}

}  // namespace gserve::ctl
