// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/scoreboard.h"
#include "supervisor/core/views.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::ports {

/// What the workers of a pool have counted, those that have gone included: these figures only grow.
struct RequestCounts {
  std::uint64_t requests = 0;                                           // answered
  std::uint64_t errors = 0;                                             // answered with 5xx
  std::uint64_t connections = 0;                                        // accepted
  std::array<std::uint64_t, scoreboard::kDurationBuckets> durations{};  // see scoreboard::kDurationBounds
  std::uint64_t duration_sum_ns = 0;
  bool operator==(const RequestCounts&) const = default;
};

struct PoolMetrics {
  RequestCounts counts;
  core::ExitCounts exits;
  int slots = 0;  // requests that its ready workers can run at once
};

/// A listening socket's queue; nothing where the kernel does not tell.
struct AcceptQueue {
  std::string address;
  std::optional<std::uint64_t> waiting;
};

/// Of the supervisor.
struct OwnProcess {
  std::uint64_t rss_bytes = 0;
  double cpu_seconds = 0;  // user and system
  double start_time = 0;   // seconds since the epoch
};

/// What the metrics say beside `status`. `pools` are in the order of those there.
struct MetricsReport {
  StatusReport status;
  std::vector<PoolMetrics> pools;
  std::vector<core::JobCount> jobs;
  std::vector<AcceptQueue> queues;
  OwnProcess process;
};

}  // namespace gserve::ports
