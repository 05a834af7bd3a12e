// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/statsd.h"
#include "supervisor/config/settings.h"
#include "supervisor/core/types.h"

namespace gserve::io {

/// What the supervisor tells a statsd server: the metrics that gunicorn's master sends. (Those of requests come
/// from the workers.) Never waits.
class Metrics {
 public:
  /// Nothing if no statsd_host is set.
  static std::optional<Metrics> make(const config::Settings& settings);

  /// A line of the supervisor's own in the error log: gunicorn.log.warning, .error and .critical.
  void count_line(core::LogLevel level);
  /// How many worker processes there are: gunicorn.workers, when it has changed.
  void workers(std::size_t count);
  /// Connections that wait to be accepted: gunicorn.backlog.
  void backlog(std::uint64_t connections);
  bool wants_backlog() const { return wants_backlog_; }
  /// What the server did not take, to be logged.
  std::optional<statsd::Client::Lost> take_lost() { return client_.take_lost(); }

 private:
  Metrics(statsd::Client client, bool wants_backlog)
      : client_(std::move(client)), wants_backlog_(wants_backlog) {}

  statsd::Client client_;
  bool wants_backlog_;
  std::optional<std::size_t> workers_;
};

}  // namespace gserve::io
