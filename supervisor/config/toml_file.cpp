// SPDX-License-Identifier: MIT
#include <toml++/toml.h>
#include <sstream>

#include "supervisor/config/config_file.h"
#include "supervisor/config/flags.h"

namespace gserve::config {
namespace {

using Shape = FileValue::Shape;

std::string place(const std::string& path, const toml::source_region& source) {
  return path + ":" + std::to_string(source.begin.line);
}

/// The texts of a list, or false when it holds anything else.
bool read_texts(const toml::array& array, std::vector<std::string>& texts) {
  for (const toml::node& item : array) {
    const auto* text = item.as_string();
    if (text == nullptr) return false;
    texts.push_back(text->get());
  }
  return true;
}

std::string json_text(const toml::table& table) {
  std::ostringstream out;
  out << toml::json_formatter(table, toml::format_flags::none);
  return out.str();
}

void read_value(const toml::node& node, FileValue& made) {
  std::vector<std::string> texts;
  if (const auto* flag = node.as_boolean()) {
    made.value = flag->get();
  } else if (const auto* number = node.as_integer()) {
    made.value = number->get();
  } else if (const auto* decimal = node.as_floating_point()) {
    made.value = decimal->get();
  } else if (const auto* text = node.as_string()) {
    made.value = text->get();
  } else if (const auto* table = node.as_table()) {
    made.shape = Shape::dict;
    made.value = json_text(*table);
  } else if (const auto* array = node.as_array(); array != nullptr && read_texts(*array, texts)) {
    made.value = std::move(texts);
  } else {
    made.shape = Shape::other;
    made.value = std::string(array != nullptr ? "a list of other things" : "a date or time");
  }
}

[[noreturn]] void refuse_key(const std::string& key, const std::string& where) {
  const std::string near(nearest_setting(key));
  refuse(kConfigurationError,
         where + ": unknown setting '" + key + "'" +
             (near.empty() ? "; docs/settings.md lists all" : "; did you mean '" + near + "'?"));
}

std::vector<FileValue> read_table(const toml::table& table, const std::string& path) {
  std::vector<FileValue> values;
  for (const auto& [key, node] : table) {
    FileValue made{std::string(key.str()), Shape::plain, {}, place(path, key.source())};
    const Setting* setting = find_setting(made.name);
    if (setting == nullptr) refuse_key(made.name, made.where);
    if (setting->name == "config")
      refuse(kConfigurationError, made.where + ": config cannot be set in a file");
    read_value(node, made);
    values.push_back(std::move(made));
  }
  return values;
}

}  // namespace

std::variant<std::vector<FileValue>, Ending> read_toml(const std::string& text, const std::string& path) {
  try {
    return read_table(toml::parse(text), path);
  } catch (const toml::parse_error& error) {
    return Ending{kConfigurationError, place(path, error.source()) + ": " + std::string(error.description()),
                  false};
  } catch (const Stop& stop) {
    return stop.ending;
  }
}

}  // namespace gserve::config
