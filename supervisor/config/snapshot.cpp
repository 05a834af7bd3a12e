// SPDX-License-Identifier: MIT
#include "supervisor/config/snapshot.h"

#include <nlohmann/json.hpp>

#include "common/launch_contract.h"
#include "common/version.h"
#include "supervisor/config/hooks.h"
#include "supervisor/config/json.h"
#include "supervisor/config/names.h"

namespace gserve::config {
namespace {

nlohmann::json json_of(const Setting& setting, const Settings& settings) {
  return nlohmann::json::parse(to_json(setting, settings.value(setting.name)));
}

/// What workers have no use for themselves.
nlohmann::json others(const Settings& settings) {
  nlohmann::json object = nlohmann::json::object();
  for (const Setting& setting : table()) {
    if (!setting.worker) object[std::string(setting.name)] = json_of(setting, settings);
  }
  return object;
}

}  // namespace

std::string worker_snapshot(const Settings& settings, const LaunchInfo& launch) {
  nlohmann::json snapshot = nlohmann::json::object();
  for (const Setting& setting : table()) {
    if (setting.worker) snapshot[std::string(setting.name)] = json_of(setting, settings);
  }
  snapshot["proc_name"] = process_name(settings);
  if (has_hook(settings)) snapshot[std::string(contract::kSettingsOfSupervisor)] = others(settings);
  snapshot[std::string(contract::kSettingsLaunch)] = {
      {"id", launch.id},
      {"generation", launch.generation},
      {"pool", launch.pool},
      {"instance", launch.instance},
      {"age", launch.age},
      {"version", kVersion},
      {"directory", launch.directory},
      {"supervisor", launch.supervisor},
  };
  // A directory may have any bytes as its name.
  return snapshot.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gserve::config
