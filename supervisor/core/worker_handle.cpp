// SPDX-License-Identifier: MIT
#include "supervisor/core/worker_handle.h"

namespace gserve::core {

WorkerHandle::WorkerHandle(LaunchId launch_id, std::size_t pool_index, Generation of_generation,
                           const PoolConfig& config, TimePoint now) {
  launch = launch_id;
  pool = pool_index;
  generation = of_generation;
  boot_timeout = config.boot_timeout;
  timeout = config.timeout;
  graceful_timeout = drain_limit = config.graceful_timeout;
  max_memory = config.max_worker_memory;
  max_lifetime = config.max_worker_lifetime;
  started = now;
}

Claim WorkerHandle::claim() const {
  if (retired) return Claim::retired;
  if (leaving) return Claim::leaving;
  if (state_ == WorkerState::starting) return Claim::starting;
  if (state_ == WorkerState::ready) return resting ? Claim::spare : Claim::ready;
  return Claim::failing;
}

std::optional<Duration> WorkerHandle::limit() const {
  switch (state_) {
    case WorkerState::starting:
      if (boot_timeout == Duration::zero()) return std::nullopt;
      return boot_timeout;
    case WorkerState::draining:
      return drain_limit;
    case WorkerState::aborting:
      return kAbortLimit;
    case WorkerState::ready:
      if (max_lifetime == Duration::zero()) return std::nullopt;
      return max_lifetime;
    case WorkerState::killing:
      return std::nullopt;
  }
  return std::nullopt;
}

Duration WorkerHandle::served(TimePoint now) const {
  return ready_at ? now - *ready_at : Duration::zero();
}

}  // namespace gserve::core
