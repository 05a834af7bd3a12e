// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "ctl/model.h"

namespace gserve::ctl {

/// How many requests took so long, by the bounds of common/scoreboard.h.
Durations operator-(const Durations& later, const Durations& earlier);
void add(Durations& sum, const Durations& more);

/// The time in seconds that the share `q` (0 to 1) of the requests took at most, as histograms tell it: within a
/// bucket all durations are taken to be equally likely, and what is above the last bound is taken to be that. Nothing
/// without requests.
std::optional<double> quantile(const Durations& durations, double q);

}  // namespace gserve::ctl
