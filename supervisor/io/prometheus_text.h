// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "supervisor/ports/metrics.h"

namespace gserve::io {

/// The metrics in Prometheus's text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
/// docs/observability.md says what each one means.
std::string prometheus_text(const ports::MetricsReport& report);

}  // namespace gserve::io
