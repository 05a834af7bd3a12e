// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "supervisor/config/settings.h"
#include "supervisor/core/types.h"

namespace gserve::config {

/// What is particular to one launch; see kSettingsLaunch in common/launch_contract.h.
struct LaunchInfo {
  core::LaunchId id = 0;
  core::Generation generation = 0;
  std::string pool;
  std::string instance;
  std::uint64_t age = 0;       // the nth worker started, from 1
  std::string directory = {};  // where gserve was started
  core::Pid supervisor = 0;
};

/// The settings snapshot of the launch contract: one JSON object. proc_name is resolved (process_name), unset
/// settings are null.
std::string worker_snapshot(const Settings& settings, const LaunchInfo& launch);

}  // namespace gserve::config
