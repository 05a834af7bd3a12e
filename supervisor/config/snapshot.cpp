// SPDX-License-Identifier: MIT
#include "supervisor/config/snapshot.h"

#include <nlohmann/json.hpp>
#include <variant>

#include "common/launch_contract.h"
#include "common/version.h"
#include "supervisor/config/names.h"

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

std::string worker_snapshot(const Settings& settings, const LaunchInfo& launch) {
  nlohmann::json snapshot = nlohmann::json::object();
  for (const Setting& setting : table()) {
    if (setting.worker)
      snapshot[std::string(setting.name)] = std::visit(ToJson{setting.kind}, settings.value(setting.name));
  }
  snapshot["proc_name"] = process_name(settings);
  snapshot[std::string(contract::kSettingsLaunch)] = {
      {"id", launch.id},     {"generation", launch.generation},
      {"pool", launch.pool}, {"instance", launch.instance},
      {"age", launch.age},   {"version", kVersion},
  };
  return snapshot.dump();
}

}  // namespace gserve::config
