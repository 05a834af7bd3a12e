// SPDX-License-Identifier: MIT
#include "supervisor/core/template_handle.h"

namespace gserve::core {

TemplateHandle::TemplateHandle(LaunchId launch_id, std::size_t pool_index, Generation of_generation,
                               const PoolConfig& config, TimePoint now) {
  launch = launch_id;
  pool = pool_index;
  generation = of_generation;
  boot_timeout = config.boot_timeout;
  started = now;
}

std::optional<Duration> TemplateHandle::limit() const {
  switch (state_) {
    case TemplateState::starting:
      if (boot_timeout == Duration::zero()) return std::nullopt;
      return boot_timeout;
    case TemplateState::leaving:
    case TemplateState::aborting:
      return kEndLimit;
    case TemplateState::ready:
    case TemplateState::killing:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace gserve::core
