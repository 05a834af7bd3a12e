// SPDX-License-Identifier: MIT
#include "supervisor/config/names.h"

#include <algorithm>
#include <string_view>

namespace gserve::config {
namespace {

constexpr std::size_t kMaxInstanceName = 64;

bool is_allowed(char c) {
  constexpr std::string_view kPunctuation = "_.-";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kPunctuation.find(c) != std::string_view::npos;
}

}  // namespace

std::string process_name(const Settings& settings) {
  if (!settings.is_none("proc_name")) return settings.text("proc_name");
  const bool given = settings.source("default_proc_name") != Source::builtin;
  if (given) return settings.text("default_proc_name");
  if (!settings.is_none("paste")) return settings.text("paste").substr(0, settings.text("paste").find('#'));
  return settings.text("wsgi_app");
}

std::string syslog_name(const Settings& settings) {
  std::string prefix = process_name(settings);
  std::replace(prefix.begin(), prefix.end(), ':', '.');
  if (!settings.is_none("syslog_prefix") && !settings.text("syslog_prefix").empty())
    prefix = settings.text("syslog_prefix");
  return "gunicorn." + prefix;
}

std::string instance_name(const Settings& settings) {
  std::string name = process_name(settings);
  if (settings.is_none("proc_name")) name = name.substr(0, name.find(':'));
  if (name.empty()) name = "-";  // an application ":app" has no module
  name.resize(std::min(name.size(), kMaxInstanceName));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_allowed(c); }, '-');
  if (name.front() == '.') name.front() = '-';
  return name;
}

}  // namespace gserve::config
