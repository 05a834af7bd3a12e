// SPDX-License-Identifier: MIT
#include "supervisor/config/settings.h"

#include <stdexcept>

#include "supervisor/config/utf8.h"

namespace gserve::config {
namespace {

const Setting& row(std::string_view name) {
  if (const Setting* setting = find_setting(name)) return *setting;
  throw std::logic_error("no such setting: " + std::string(name));
}

template <typename T>
const T& get(const Settings& settings, std::string_view name) {
  if (const T* value = std::get_if<T>(&settings.value(name))) return *value;
  throw std::logic_error("setting " + std::string(name) + " is not of the kind asked for");
}

bool matches(const Value& value, Kind kind) {
  switch (kind) {
    case Kind::flag:
      return std::holds_alternative<bool>(value);
    case Kind::integer:
    case Kind::bytes:
      return std::holds_alternative<std::int64_t>(value);
    case Kind::seconds:
      return std::holds_alternative<double>(value);
    case Kind::text:
    case Kind::identity:
    case Kind::json:
    case Kind::callable:
      return std::holds_alternative<std::string>(value);
    case Kind::list:
      return std::holds_alternative<std::vector<std::string>>(value);
    case Kind::dictionary:
      return std::holds_alternative<Dictionary>(value);
  }
  return false;
}

/// The snapshot for workers is JSON, which holds nothing but UTF-8.
bool fits_snapshot(const Setting& setting, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return !setting.worker || text == nullptr || is_utf8(*text);
}

}  // namespace

Settings::Settings() {
  for (const Setting& setting : table())
    entries_[std::string(setting.name)] = {setting.builtin, Source::builtin, "default"};
}

bool Settings::is_none(std::string_view name) const {
  return std::holds_alternative<std::monostate>(value(name));
}
bool Settings::flag(std::string_view name) const {
  return get<bool>(*this, name);
}
std::int64_t Settings::integer(std::string_view name) const {
  return get<std::int64_t>(*this, name);
}
double Settings::seconds(std::string_view name) const {
  return get<double>(*this, name);
}
const std::string& Settings::text(std::string_view name) const {
  return get<std::string>(*this, name);
}
const std::vector<std::string>& Settings::list(std::string_view name) const {
  return get<std::vector<std::string>>(*this, name);
}

const Value& Settings::value(std::string_view name) const {
  row(name);
  return entries_.find(name)->second.value;
}

Source Settings::source(std::string_view name) const {
  row(name);
  return entries_.find(name)->second.source;
}

const std::string& Settings::origin(std::string_view name) const {
  row(name);
  return entries_.find(name)->second.origin;
}

std::string Settings::set(std::string_view name, Value value, Source source, std::string origin) {
  const Setting& setting = row(name);
  if (std::holds_alternative<std::monostate>(value)) {
    entries_[std::string(name)] = {setting.builtin, source, std::move(origin)};
    return {};
  }
  if (!matches(value, setting.kind))
    throw std::logic_error("setting " + std::string(name) + " has another kind");
  if (!fits_snapshot(setting, value)) return "must be UTF-8 text";
  if (std::string wrong = setting.validate(value); !wrong.empty()) return wrong;
  entries_[std::string(name)] = {std::move(value), source, std::move(origin)};
  return {};
}

}  // namespace gserve::config
