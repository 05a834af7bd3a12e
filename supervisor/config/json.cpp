// SPDX-License-Identifier: MIT
#include "supervisor/config/json.h"

#include <nlohmann/json.hpp>
#include <variant>

namespace gserve::config {
namespace {

struct ToJson {
  Kind kind;

  nlohmann::json operator()(std::monostate) const { return nullptr; }
  nlohmann::json operator()(const std::string& text) const {
    return kind == Kind::json ? nlohmann::json::parse(text) : nlohmann::json(text);
  }
  template <typename Held>
  nlohmann::json operator()(const Held& held) const {
    return held;
  }
};

}  // namespace

std::string to_json(const Setting& setting, const Value& value) {
  const nlohmann::json json = std::visit(ToJson{setting.kind}, value);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gserve::config
