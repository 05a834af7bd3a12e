// SPDX-License-Identifier: MIT
#include "ctl/latency.h"

#include <numeric>

namespace gserve::ctl {

/// A counter that goes back belongs to another process.
Durations operator-(const Durations& later, const Durations& earlier) {
  Durations difference{};
  for (std::size_t i = 0; i < difference.size(); ++i) {
    difference[i] = later[i] > earlier[i] ? later[i] - earlier[i] : 0;
  }
  return difference;
}

void add(Durations& sum, const Durations& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

std::optional<double> quantile(const Durations& durations, double q) {
  constexpr double kNano = 1e9;
  const auto& bounds = scoreboard::kDurationBounds;
  const auto all = std::accumulate(durations.begin(), durations.end(), std::uint64_t{0});
  if (all == 0) return std::nullopt;
  const double rank = q * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto count = static_cast<double>(durations[i]);
    if (count > 0 && below + count >= rank) {
      const double low = i == 0 ? 0 : static_cast<double>(bounds[i - 1]);
      return (low + (static_cast<double>(bounds[i]) - low) * (rank - below) / count) / kNano;
    }
    below += count;
  }
  return static_cast<double>(bounds.back()) / kNano;
}

}  // namespace gserve::ctl
