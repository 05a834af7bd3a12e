// SPDX-License-Identifier: MIT
#include "supervisor/config/print.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "supervisor/config/json.h"
#include "supervisor/config/source_names.h"
#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

std::vector<const Setting*> by_name() {
  std::vector<const Setting*> rows;
  for (const Setting& setting : table()) rows.push_back(&setting);
  std::sort(rows.begin(), rows.end(), [](auto* one, auto* other) { return one->name < other->name; });
  return rows;
}

/// As Python prints it.
struct Python {
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(bool flag) const { return flag ? "True" : "False"; }
  std::string operator()(const std::vector<std::string>& items) const {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "'" : ", '") + item + "'";
    return "[" + text + "]";
  }
  template <typename Other>
  std::string operator()(const Other& other) const {
    return to_text(other);
  }
};

/// Paths may be any bytes; JSON is UTF-8.
std::string dump(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string printed_config(const Settings& settings) {
  const auto rows = by_name();
  std::size_t width = 0;
  for (const Setting* row : rows) width = std::max(width, row->name.size());
  std::string text;
  for (const Setting* row : rows) {
    text += std::string(row->name) + std::string(width - row->name.size(), ' ') + " = " +
            std::visit(Python{}, settings.value(row->name)) + "  # " + settings.origin(row->name) + "\n";
  }
  return text;
}

std::string printed_config_json(const Settings& settings) {
  nlohmann::json object = nlohmann::json::object();
  for (const Setting* row : by_name()) {
    object[std::string(row->name)] = {
        {"value", nlohmann::json::parse(to_json(*row, settings.value(row->name)))},
        {"source", name_of(settings.source(row->name))},
        {"origin", settings.origin(row->name)}};
  }
  return dump(object) + "\n";
}

}  // namespace gserve::config
