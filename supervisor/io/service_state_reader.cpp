// SPDX-License-Identifier: MIT
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "supervisor/io/service_state.h"
#include "supervisor/io/service_state_fields.h"

namespace gserve::io {
namespace {

using Json = nlohmann::json;

/// Leaves the reading at any depth; decode returns what it says.
struct Unreadable {
  std::string what;
};

/// Reads one value; `where` names it for messages.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  template <typename T>
  void operator()(const char* name, T& value) const {
    member(name).read(value);
  }
  /// A field that programs before did not write: without it the value stays as it is.
  template <typename T>
  void later(const char* name, T& value) const {
    expect(json_.is_object(), "an object");
    if (json_.contains(name)) (*this)(name, value);
  }

  template <typename T>
  void read(T& value) const;

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw Unreadable{where_ + " " + what}; }
  void expect(bool holds, const char* what) const {
    if (!holds) refuse(std::string("must be ") + what);
  }

  Reader member(const std::string& name) const {
    expect(json_.is_object(), "an object");
    const auto found = json_.find(name);
    if (found == json_.end()) refuse("lacks \"" + name + '"');
    return {*found, where_ + "." + name};
  }

  template <typename T>
  void read_integer(T& value) const;
  template <typename T>
  void read_name(T& value) const;
  void read_text(std::string& value) const;
  void read_settings(config::Settings& settings) const;
  void read_setting(config::Settings& settings, const std::string& name) const;
  config::Value read_value(config::Kind kind) const;

  const Json& json_;
  std::string where_;
};

template <typename T>
void Reader::read(T& value) const {
  if constexpr (std::is_same_v<T, bool>) {
    expect(json_.is_boolean(), "true or false");
    value = json_.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    expect(json_.is_number(), "a number");
    value = json_.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    read_text(value);
  } else if constexpr (std::is_same_v<T, core::Duration>) {
    core::Duration::rep count = 0;
    read_integer(count);
    value = core::Duration(count);
  } else if constexpr (std::is_same_v<T, core::TimePoint>) {
    core::Duration since{};
    read(since);
    value = core::TimePoint(since);
  } else if constexpr (std::is_enum_v<T>) {
    read_name(value);
  } else if constexpr (kIsOptional<T>) {
    value.reset();
    if (!json_.is_null()) read(value.emplace());
  } else if constexpr (kIsVector<T>) {
    expect(json_.is_array(), "a list");
    value.clear();
    for (std::size_t i = 0; i < json_.size(); ++i) {
      Reader(json_[i], where_ + "[" + std::to_string(i) + "]").read(value.emplace_back());
    }
  } else if constexpr (std::is_same_v<T, config::Dictionary>) {
    expect(json_.is_object(), "an object");
    value.clear();
    for (const auto& [key, entry] : json_.items()) member(key).read(value[key]);
  } else if constexpr (std::is_same_v<T, config::Settings>) {
    read_settings(value);
  } else {
    fields(*this, value);
  }
}

template <typename T>
void Reader::read_integer(T& value) const {
  expect(json_.is_number_integer(), "a whole number");
  const bool fits = json_.is_number_unsigned() ? std::in_range<T>(json_.get<std::uint64_t>())
                                               : std::in_range<T>(json_.get<std::int64_t>());
  expect(fits, "in the range of its kind");
  value = json_.get<T>();
}

template <typename T>
void Reader::read_name(T& value) const {
  constexpr int kMost = 16;  // no enumeration has more
  expect(json_.is_string(), "a name");
  for (int i = 0; i < kMost; ++i) {
    if (json_.get_ref<const std::string&>() != name_of(static_cast<T>(i))) continue;
    value = static_cast<T>(i);
    return;
  }
  refuse("is \"" + json_.get<std::string>() + "\", which is not known");
}

void Reader::read_text(std::string& value) const {
  if (json_.is_string()) {
    value = json_.get<std::string>();
    return;
  }
  std::vector<std::uint8_t> bytes;
  expect(json_.is_array(), "a text");
  read(bytes);
  value.assign(bytes.begin(), bytes.end());
}

void Reader::read_settings(config::Settings& settings) const {
  expect(json_.is_object(), "an object");
  settings = config::Settings();
  for (const auto& [name, entry] : json_.items()) member(name).read_setting(settings, name);
}

void Reader::read_setting(config::Settings& settings, const std::string& name) const {
  const config::Setting* row = config::find_setting(name);
  if (row == nullptr) refuse("is not a setting of this version");
  config::Source source{};
  (*this)("source", source);
  std::string origin = name_of(source);
  later("origin", origin);
  const Reader value = member("value");
  const bool is_none = value.json_.is_null();
  if (is_none && !std::holds_alternative<std::monostate>(row->builtin)) value.refuse("must not be null");
  const std::string wrong =
      settings.set(name, is_none ? config::Value() : value.read_value(row->kind), source, std::move(origin));
  if (!wrong.empty()) value.refuse(wrong);
}

config::Value Reader::read_value(config::Kind kind) const {
  const auto as = [this](auto value) -> config::Value {
    read(value);
    return value;
  };
  switch (kind) {
    case config::Kind::flag:
      return as(false);
    case config::Kind::integer:
    case config::Kind::bytes:
      return as(std::int64_t{});
    case config::Kind::seconds:
      return as(double{});
    case config::Kind::text:
    case config::Kind::identity:
    case config::Kind::json:
    case config::Kind::callable:
      return as(std::string());
    case config::Kind::list:
      return as(std::vector<std::string>());
    case config::Kind::dictionary:
      return as(config::Dictionary());
  }
  refuse("is of no kind");
}

ServiceState read_state(const Json& json) {
  int format = 0;
  std::string release;
  const Reader reader(json, "the state");
  reader("format", format);
  reader("release", release);
  if (format != kStateFormat) {
    throw Unreadable{"it has format " + std::to_string(format) + " (gserve " + release +
                     "), this version reads format " + std::to_string(kStateFormat)};
  }
  ServiceState state;
  reader.read(state);
  if (std::string wrong = contradiction(state); !wrong.empty()) throw Unreadable{std::move(wrong)};
  return state;
}

}  // namespace

std::variant<ServiceState, std::string> decode(const std::string& text) {
  try {
    return read_state(Json::parse(text));
  } catch (const Unreadable& unreadable) {
    return "cannot use the state: " + unreadable.what;
  } catch (const nlohmann::json::exception& error) {
    return std::string("cannot read the state: ") + error.what();
  }
}

}  // namespace gserve::io
