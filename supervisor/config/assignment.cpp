// SPDX-License-Identifier: MIT
#include "supervisor/config/assignment.h"

namespace gserve::config {

std::string invalid_value(const Assignment& assignment, const std::string& wrong) {
  // What is wrong with a list names the item.
  const std::string given = assignment.setting->kind == Kind::list ? "" : "'" + assignment.given + "': ";
  return assignment.subject + ": invalid value " + given + wrong;
}

std::string not_supported(const Assignment& assignment) {
  const Setting& setting = *assignment.setting;
  const bool by_flag =
      assignment.source == Source::command_line || assignment.source == Source::args_environment;
  const std::string name = by_flag ? " (" + std::string(setting.name) + ")" : "";
  return assignment.subject + name + " is not supported by this version: " + std::string(setting.refusal);
}

}  // namespace gserve::config
