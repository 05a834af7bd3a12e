// SPDX-License-Identifier: MIT
#include "supervisor/config/environment.h"

#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

/// Sets `name` from what `variable` holds, written behind `prefix`.
std::string apply(Settings& settings, const Environment& environment, const char* variable,
                  std::string_view name, const std::string& prefix) {
  const auto text = environment(variable);
  if (!text || text->empty()) return {};
  auto [value, wrong] = parse_value(*find_setting(name), {prefix + *text});
  if (wrong.empty()) wrong = settings.set(name, std::move(value), Source::environment);
  if (wrong.empty()) return {};
  return std::string(variable) + ": invalid value '" + *text + "': " + wrong;
}

}  // namespace

std::string apply_environment_defaults(Settings& settings, const Environment& environment) {
  std::string wrong = apply(settings, environment, "WEB_CONCURRENCY", "workers", "");
  if (wrong.empty()) wrong = apply(settings, environment, "PORT", "bind", "0.0.0.0:");
  return wrong;
}

}  // namespace gserve::config
