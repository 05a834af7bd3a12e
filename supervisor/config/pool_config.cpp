// SPDX-License-Identifier: MIT
#include "supervisor/config/pool_config.h"

#include <stdexcept>

namespace gserve::config {
namespace {

core::Duration duration(const Settings& settings, std::string_view name) {
  return std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(settings.seconds(name)));
}

}  // namespace

core::SupervisorConfig supervisor_config(const Settings& settings) {
  core::PoolConfig pool;
  pool.workers = static_cast<int>(settings.integer("workers"));
  pool.boot_timeout = duration(settings, "boot_timeout");
  pool.timeout = duration(settings, "timeout");
  pool.graceful_timeout = duration(settings, "graceful_timeout");
  pool.max_worker_memory = static_cast<std::uint64_t>(settings.integer("max_worker_memory"));
  pool.max_worker_lifetime = duration(settings, "max_worker_lifetime");
  pool.pre_stop_delay = duration(settings, "pre_stop_delay");
  pool.surge = static_cast<int>(settings.integer("reload_surge"));
  pool.bake = duration(settings, "bake");
  pool.bake_factor = static_cast<double>(settings.integer("bake_factor"));
  pool.watches_code = settings.flag("reload");
  pool.preload = settings.flag("preload_app");
  return {{pool}};
}

int requests_at_once(const Settings& settings) {
  const std::string& name = settings.text("worker_class");
  if (name.starts_with("gevent")) return static_cast<int>(settings.integer("worker_connections"));
  return static_cast<int>(settings.integer("threads"));  // more than one makes gthread of sync
}

core::LogLevel log_level(const Settings& settings) {
  const std::string& name = settings.text("loglevel");
  if (name == "debug") return core::LogLevel::debug;
  if (name == "info") return core::LogLevel::info;
  if (name == "warning") return core::LogLevel::warning;
  if (name == "error") return core::LogLevel::error;
  if (name == "critical") return core::LogLevel::critical;
  throw std::logic_error("loglevel was not validated: " + name);
}

}  // namespace gserve::config
