// SPDX-License-Identifier: MIT
#include "supervisor/config/file_values.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "supervisor/config/ending.h"
#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

using Texts = std::vector<std::string>;
using Shape = FileValue::Shape;

const char* expectation(Kind kind) {
  switch (kind) {
    case Kind::flag:
      return "must be true or false";
    case Kind::integer:
      return "must be an integer";
    case Kind::bytes:
      return "must be a number of bytes, such as 536870912, 512M or 2G";
    case Kind::seconds:
      return "must be a number of seconds";
    case Kind::text:
      return "must be a string";
    case Kind::list:
      return "must be a list of strings";
    case Kind::identity:
      return "must be a name or a number";
    case Kind::dictionary:
      return "must be a dictionary of strings";
    case Kind::json:
      return "must be a dictionary";
    case Kind::callable:
      return "must be a function";
  }
  return "is of the wrong type";
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

ParsedValue from_text(const Setting& setting, const std::string& text) {
  const bool by_text =
      setting.kind != Kind::dictionary && setting.kind != Kind::json && setting.kind != Kind::callable;
  if (!by_text) return {{}, expectation(setting.kind)};
  if (setting.kind == Kind::list && text.empty()) return {Texts{}, {}};
  return parse_value(setting, {setting.kind == Kind::flag ? lower_case(text) : text});
}

ParsedValue from_number(const Setting& setting, std::int64_t number) {
  switch (setting.kind) {
    case Kind::integer:
    case Kind::bytes:
      return {number, {}};
    case Kind::seconds:
      return {static_cast<double>(number), {}};
    case Kind::identity:
      return {std::to_string(number), {}};
    default:
      return {{}, expectation(setting.kind)};
  }
}

/// Each alternative of Value by what the setting wants.
struct Convert {
  const Setting& setting;

  ParsedValue wrong() const { return {{}, expectation(setting.kind)}; }
  ParsedValue operator()(std::monostate) const { return {}; }
  ParsedValue operator()(bool flag) const {
    if (setting.kind == Kind::flag) return {flag, {}};
    // gunicorn's `proxy_protocol = True`.
    if (setting.kind == Kind::text && setting.bare != Value())
      return {flag ? setting.bare : setting.builtin, {}};
    return setting.kind == Kind::integer ? from_number(setting, flag ? 1 : 0) : wrong();
  }
  ParsedValue operator()(std::int64_t number) const { return from_number(setting, number); }
  ParsedValue operator()(double number) const {
    return setting.kind == Kind::seconds ? ParsedValue{number, {}} : wrong();
  }
  ParsedValue operator()(const std::string& text) const { return from_text(setting, text); }
  ParsedValue operator()(const Texts& items) const {
    return setting.kind == Kind::list ? parse_value(setting, items) : wrong();
  }
  ParsedValue operator()(const Dictionary&) const { return wrong(); }  // comes as Shape::dict
};

ParsedValue from_dict(const Setting& setting, const std::string& text) {
  if (setting.kind == Kind::json) return {text, {}};
  Dictionary entries;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const bool fits = setting.kind == Kind::dictionary && json.is_object();
  if (!fits) return {{}, expectation(setting.kind)};
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return {{}, expectation(setting.kind)};
    entries[key] = value.get<std::string>();
  }
  return {std::move(entries), {}};
}

ParsedValue convert(const Setting& setting, const FileValue& given) {
  switch (given.shape) {
    case Shape::plain:
      return std::visit(Convert{setting}, given.value);
    case Shape::dict:
      return from_dict(setting, std::get<std::string>(given.value));
    case Shape::callable:
      if (setting.kind == Kind::callable) return {given.value, {}};
      break;
    case Shape::other:
      break;
  }
  return {{}, expectation(setting.kind)};
}

}  // namespace

std::vector<Assignment> file_assignments(const std::vector<FileValue>& values) {
  std::vector<Assignment> assignments;
  for (const FileValue& given : values) {
    const Setting& setting = *find_setting(given.name);
    Assignment made{&setting,
                    {},
                    Source::config_file,
                    given.where,
                    given.where + ": " + given.name,
                    to_text(given.value)};
    auto [value, wrong] = convert(setting, given);
    if (!wrong.empty() && setting.kind == Kind::list) wrong = "'" + made.given + "': " + wrong;
    if (!wrong.empty()) refuse(kConfigurationError, invalid_value(made, wrong));
    made.value = std::move(value);
    assignments.push_back(std::move(made));
  }
  return assignments;
}

}  // namespace gserve::config
