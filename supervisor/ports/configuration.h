// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "supervisor/core/events.h"
#include "supervisor/core/types.h"

namespace gserve::ports {

/// The versions of configuration that launches are made from. None blocks for long or throws.
class Configuration {
 public:
  virtual ~Configuration() = default;
  /// What the core needs of a configuration; or why there is none, one clear line (Python's own words may follow).
  using Loaded = std::variant<core::SupervisorConfig, std::string>;
  /// Reads and checks the configuration again, for `job`. Nothing: it takes a while, ConfigLoaded or ConfigRejected
  /// follows. A load that is still under way is given up.
  virtual std::optional<Loaded> load(core::JobId job) = 0;
  /// What was loaded for `job` becomes the configuration of `generation`.
  virtual void adopt(core::JobId job, core::Generation generation) = 0;
  /// The configuration of `from` becomes that of `to`, too.
  virtual void copy(core::Generation from, core::Generation to) = 0;
  virtual void forget(core::Generation generation) = 0;
};

/// The answer to LoadConfig.
inline core::Event load_event(core::JobId job, Configuration::Loaded loaded) {
  if (auto* config = std::get_if<core::SupervisorConfig>(&loaded))
    return core::ConfigLoaded{job, std::move(*config)};
  return core::ConfigRejected{job, std::get<std::string>(std::move(loaded))};
}

}  // namespace gserve::ports
