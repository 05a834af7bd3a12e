// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "supervisor/core/types.h"

namespace gserve::ports {

/// The versions of configuration that launches are made from. None blocks for long or throws.
class Configuration {
 public:
  virtual ~Configuration() = default;
  /// Reads and checks the configuration again, for `job`; what the core needs of it, or one clear line.
  virtual std::variant<core::SupervisorConfig, std::string> load(core::JobId job) = 0;
  /// What was loaded for `job` becomes the configuration of `generation`.
  virtual void adopt(core::JobId job, core::Generation generation) = 0;
  /// The configuration of `from` becomes that of `to`, too.
  virtual void copy(core::Generation from, core::Generation to) = 0;
  virtual void forget(core::Generation generation) = 0;
};

}  // namespace gserve::ports
