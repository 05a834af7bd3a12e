// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/scoreboard.h"
#include "supervisor/io/service_state.h"
#include "supervisor/ports/metrics.h"

namespace gserve::io {

/// What the workers that have gone had counted on their scoreboards, by pool, so that a sum over all workers never
/// goes back. An upgrade carries it on.
class RequestTotals {
 public:
  /// A worker of `pool` has gone, or, in a copy, is still there.
  void add(const std::string& pool, const scoreboard::Sample& sample);

  const ports::RequestCounts& of(const std::string& pool) { return pools_[pool]; }
  std::vector<RequestTotalsState> states() const;
  void restore(const std::vector<RequestTotalsState>& states);

 private:
  std::map<std::string, ports::RequestCounts> pools_;
};

}  // namespace gserve::io
