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
std::string dump(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::vector<PrintedSetting> printed_settings(const Settings& settings) {
  std::vector<PrintedSetting> printed;
  for (const Setting* row : by_name()) {
    const Value& value = settings.value(row->name);
    printed.push_back({std::string(row->name), std::visit(Python{}, value),
                       dump(nlohmann::json::parse(to_json(*row, value)), -1),
                       name_of(settings.source(row->name)), settings.origin(row->name)});
  }
  return printed;
}

std::string printed_config(const Settings& settings) {
  const auto rows = printed_settings(settings);
  std::size_t width = 0;
  for (const PrintedSetting& row : rows) width = std::max(width, row.name.size());
  std::string text;
  for (const PrintedSetting& row : rows) {
    text +=
        row.name + std::string(width - row.name.size(), ' ') + " = " + row.value + "  # " + row.origin + "\n";
  }
  return text;
}

std::string printed_config_json(const Settings& settings) {
  nlohmann::json object = nlohmann::json::object();
  for (const PrintedSetting& row : printed_settings(settings)) {
    object[row.name] = {
        {"value", nlohmann::json::parse(row.json)}, {"source", row.source}, {"origin", row.origin}};
  }
  return dump(object, 2) + "\n";
}

}  // namespace gserve::config
