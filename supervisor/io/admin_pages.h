// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string_view>

#include "supervisor/io/admin_server.h"
#include "supervisor/ports/metrics.h"

namespace gserve::io {

/// What the admin address answers; docs/observability.md has the list. Nothing here changes anything.
class AdminPages {
 public:
  struct Sources {
    std::function<ports::StatusReport()> status;
    std::function<ports::MetricsReport()> metrics;
    /// Whether requests are wanted here; if not, `why` in one line.
    std::function<bool(std::string& why)> ready;
  };
  explicit AdminPages(Sources sources) : sources_(std::move(sources)) {}

  AdminAnswer answer(std::string_view path) const;

 private:
  Sources sources_;
};

}  // namespace gserve::io
