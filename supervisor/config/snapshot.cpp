// SPDX-License-Identifier: MIT
#include "supervisor/config/snapshot.h"

#include <nlohmann/json.hpp>

#include "common/launch_contract.h"
#include "common/version.h"
#include "supervisor/config/json.h"
#include "supervisor/config/names.h"

namespace gserve::config {

std::string worker_snapshot(const Settings& settings, const LaunchInfo& launch) {
  nlohmann::json snapshot = nlohmann::json::object();
  for (const Setting& setting : table()) {
    if (setting.worker)
      snapshot[std::string(setting.name)] =
          nlohmann::json::parse(to_json(setting, settings.value(setting.name)));
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
