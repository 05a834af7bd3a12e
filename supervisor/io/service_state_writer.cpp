// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>
#include <type_traits>

#include "supervisor/config/utf8.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/service_state_fields.h"

namespace gserve::io {
namespace {

using Json = nlohmann::json;

class Writer {
 public:
  template <typename T>
  void operator()(const char* name, const T& value) {
    object_[name] = write(value);
  }
  template <typename T>
  void later(const char* name, const T& value) {
    (*this)(name, value);
  }

  template <typename T>
  static Json write(const T& value);

 private:
  static Json write_settings(const config::Settings& settings);

  Json object_ = Json::object();
};

/// A path may be any bytes, JSON holds UTF-8 only: what is not UTF-8 becomes a list of bytes.
Json write_text(const std::string& text) {
  if (config::is_utf8(text)) return text;
  return std::vector<unsigned char>(text.begin(), text.end());
}

template <typename T>
Json Writer::write(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return write_text(value);
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return nullptr;
  } else if constexpr (std::is_same_v<T, core::Duration>) {
    return value.count();
  } else if constexpr (std::is_same_v<T, core::TimePoint>) {
    return value.time_since_epoch().count();
  } else if constexpr (std::is_enum_v<T>) {
    return name_of(value);
  } else if constexpr (kIsOptional<T>) {
    return value ? write(*value) : Json();
  } else if constexpr (kIsVector<T>) {
    Json items = Json::array();
    for (const auto& item : value) items.push_back(write(item));
    return items;
  } else if constexpr (std::is_same_v<T, config::Dictionary>) {
    Json entries = Json::object();
    for (const auto& [key, entry] : value) entries[key] = write_text(entry);
    return entries;
  } else if constexpr (std::is_same_v<T, config::Settings>) {
    return write_settings(value);
  } else {
    Writer writer;
    fields(writer, const_cast<T&>(value));
    return std::move(writer.object_);
  }
}

/// What stands at its default is left out: a new program may have another default, and other settings.
Json Writer::write_settings(const config::Settings& settings) {
  Json object = Json::object();
  for (const config::Setting& row : config::table()) {
    const config::Value& value = settings.value(row.name);
    const config::Source source = settings.source(row.name);
    if (source == config::Source::builtin && value == row.builtin) continue;
    object[std::string(row.name)] = {
        {"source", name_of(source)},
        {"origin", write(settings.origin(row.name))},
        {"value", std::visit([](const auto& held) { return write(held); }, value)}};
  }
  return object;
}

}  // namespace

std::string encode(const ServiceState& state) {
  Json json = Writer::write(state);
  json["format"] = kStateFormat;
  return json.dump();
}

}  // namespace gserve::io
