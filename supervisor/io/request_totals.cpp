// SPDX-License-Identifier: MIT
#include "supervisor/io/request_totals.h"

#include <algorithm>

namespace gserve::io {

void RequestTotals::add(const std::string& pool, const scoreboard::Sample& sample) {
  ports::RequestCounts& counts = pools_[pool];
  counts.requests += sample.requests;
  counts.errors += sample.errors;
  counts.connections += sample.connections;
  for (std::size_t i = 0; i < counts.durations.size(); ++i) counts.durations[i] += sample.durations[i];
  counts.duration_sum_ns += sample.duration_sum_ns;
}

std::vector<RequestTotalsState> RequestTotals::states() const {
  std::vector<RequestTotalsState> states;
  for (const auto& [pool, counts] : pools_) {
    states.push_back({pool,
                      counts.requests,
                      counts.errors,
                      counts.connections,
                      {counts.durations.begin(), counts.durations.end()},
                      counts.duration_sum_ns});
  }
  return states;
}

/// Another release may have other buckets: what does not fit is not known any more.
void RequestTotals::restore(const std::vector<RequestTotalsState>& states) {
  for (const RequestTotalsState& state : states) {
    ports::RequestCounts& counts = pools_[state.pool];
    counts.requests = state.requests;
    counts.errors = state.errors;
    counts.connections = state.connections;
    if (state.durations.size() != counts.durations.size()) continue;
    std::copy(state.durations.begin(), state.durations.end(), counts.durations.begin());
    counts.duration_sum_ns = state.duration_sum_ns;
  }
}

}  // namespace gserve::io
