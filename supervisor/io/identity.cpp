// SPDX-License-Identifier: MIT
#include "supervisor/io/identity.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>
#include <vector>

namespace gserve::io {
namespace {

constexpr std::uint32_t kUnchanged = ~0U;  // what the system calls take for "leave it"

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

std::uint32_t parse_id(const std::string& text, const char* what) {
  std::uint32_t id = kUnchanged;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || id == kUnchanged)
    throw std::runtime_error("No such " + (what + (": '" + text + "'")));
  return id;
}

// The lookups are not reentrant; the supervisor has one thread.
const passwd* find_user(const std::string& name) {
  return is_number(name) ? ::getpwuid(parse_id(name, "user")) : ::getpwnam(name.c_str());
}

std::uint32_t group_id(const std::string& name) {
  if (is_number(name)) return parse_id(name, "group");
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr) throw std::runtime_error("No such group: '" + name + "'");
  return found->gr_gid;
}

std::vector<std::uint32_t> groups_of(const char* user, std::uint32_t group) {
  int count = 64;
  std::vector<std::uint32_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(user, group, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::optional<ports::Identity> resolve(const config::Settings& settings) {
  ports::Identity identity{::geteuid(), ::getegid(), {}};
  const passwd* user = nullptr;
  if (!settings.is_none("user")) {
    const std::string& name = settings.text("user");
    user = find_user(name);
    if (user == nullptr && !is_number(name)) throw std::runtime_error("No such user: '" + name + "'");
    identity.user = user ? user->pw_uid : parse_id(name, "user");
    if (user) identity.group = user->pw_gid;
  }
  const std::string name = user ? user->pw_name : "";
  if (!settings.is_none("group")) identity.group = group_id(settings.text("group"));
  if (identity.user == ::geteuid() && identity.group == ::getegid()) return std::nullopt;
  identity.groups = {identity.group};
  if (settings.flag("initgroups") && !name.empty()) identity.groups = groups_of(name.c_str(), identity.group);
  return identity;
}

}  // namespace

std::variant<std::optional<ports::Identity>, std::string> worker_identity(const config::Settings& settings) {
  if (settings.is_none("user") && settings.is_none("group")) return std::nullopt;
  try {
    auto identity = resolve(settings);
    if (identity && ::geteuid() != 0) {
      return "cannot run workers as uid " + std::to_string(identity->user) + ", gid " +
             std::to_string(identity->group) +
             ": only root may change user and group; leave --user and --group out";
    }
    return identity;
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace gserve::io
