// SPDX-License-Identifier: MIT
#include "supervisor/config/environment.h"

#include <cctype>
#include <utility>

#include "supervisor/config/ending.h"
#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

struct Variable {
  const char* name;
  const char* setting;
  const char* prefix;  // of the value
  bool may_be_empty;
};

constexpr Variable kVariables[] = {{"WEB_CONCURRENCY", "workers", "", false},
                                   {"GSERVE_PYTHON", "python", "", false},
                                   {"PORT", "bind", "0.0.0.0:", false},
                                   {"FORWARDED_ALLOW_IPS", "forwarded_allow_ips", "", true}};

/// gunicorn's rule for $SENDFILE: these words, anything else is off.
bool means_yes(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text == "y" || text == "1" || text == "yes" || text == "true";
}

}  // namespace

std::vector<Assignment> environment_defaults(const Environment& environment) {
  std::vector<Assignment> assignments;
  for (const auto& [name, setting, prefix, may_be_empty] : kVariables) {
    const auto text = environment(name);
    if (!text || (text->empty() && !may_be_empty)) continue;
    Assignment made{find_setting(setting), {}, Source::environment, "$" + std::string(name), name, *text};
    auto [value, wrong] = parse_value(*made.setting, {prefix + *text});
    if (!wrong.empty()) refuse(kConfigurationError, invalid_value(made, wrong));
    made.value = std::move(value);
    assignments.push_back(std::move(made));
  }
  if (const auto text = environment("SENDFILE")) {
    assignments.push_back(
        {find_setting("sendfile"), means_yes(*text), Source::environment, "$SENDFILE", "SENDFILE", *text});
  }
  return assignments;
}

}  // namespace gserve::config
