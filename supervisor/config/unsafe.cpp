// SPDX-License-Identifier: MIT
#include "supervisor/config/unsafe.h"

#include "supervisor/config/flags.h"

namespace gserve::config {
namespace {

bool is_unsafe(const Setting& setting, const Settings& settings) {
  if (setting.name == "header_map") return settings.text("header_map") == "dangerous";
  return setting.kind == Kind::flag && setting.help.starts_with("UNSAFE") && settings.flag(setting.name);
}

}  // namespace

std::vector<std::string> unsafe_settings(const Settings& settings) {
  std::vector<std::string> warnings;
  for (const Setting& setting : table()) {
    if (!is_unsafe(setting, settings)) continue;
    const std::string value = setting.kind == Kind::flag ? "" : " " + settings.text(setting.name);
    warnings.push_back(
        std::string(long_flag(setting)) + value +
        " is unsafe: a proxy in front may understand a request differently than the workers do; "
        "use it to find out about old clients only");
  }
  return warnings;
}

}  // namespace gserve::config
