// SPDX-License-Identifier: MIT
#include "supervisor/config/environment.h"

#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

/// Sets `name` from what `variable` holds, written behind `prefix`.
std::string apply(Settings& settings, const Environment& environment, const char* variable,
                  std::string_view name, const std::string& prefix) {
  const auto text = environment(variable);
  if (!text) return {};
  auto [value, wrong] = parse_value(*find_setting(name), {prefix + *text});
  if (wrong.empty()) wrong = settings.set(name, std::move(value), Source::environment);
  if (wrong.empty()) return {};
  return std::string(variable) + ": invalid value '" + *text + "': " + wrong;
}

}  // namespace

std::string apply_environment_defaults(Settings& settings, const Environment& environment) {
  // An empty number is none; an empty list of proxies is nobody.
  const Environment filled = [&](const std::string& name) {
    auto text = environment(name);
    return text && text->empty() ? std::nullopt : text;
  };
  std::string wrong = apply(settings, filled, "WEB_CONCURRENCY", "workers", "");
  if (wrong.empty()) wrong = apply(settings, filled, "PORT", "bind", "0.0.0.0:");
  if (wrong.empty()) wrong = apply(settings, environment, "FORWARDED_ALLOW_IPS", "forwarded_allow_ips", "");
  return wrong;
}

}  // namespace gserve::config
