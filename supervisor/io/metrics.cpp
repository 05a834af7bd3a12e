// SPDX-License-Identifier: MIT
#include "supervisor/io/metrics.h"

namespace gserve::io {

std::optional<Metrics> Metrics::make(const config::Settings& settings) {
  if (settings.is_none("statsd_host")) return std::nullopt;
  const statsd::Target target = statsd::parse_target(settings.text("statsd_host")).target;
  return Metrics(statsd::Client(target, settings.text("statsd_prefix"), settings.text("dogstatsd_tags")),
                 settings.flag("enable_backlog_metric"));
}

void Metrics::count_line(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::debug:
    case core::LogLevel::info:
      return;
    case core::LogLevel::warning:
      client_.increment("gunicorn.log.warning");
      break;
    case core::LogLevel::error:
      client_.increment("gunicorn.log.error");
      break;
    case core::LogLevel::critical:
      client_.increment("gunicorn.log.critical");
  }
  client_.flush();
}

void Metrics::workers(std::size_t count) {
  if (workers_ == count) return;
  workers_ = count;
  client_.gauge("gunicorn.workers", count);
  client_.flush();
}

void Metrics::backlog(std::uint64_t connections) {
  client_.histogram("gunicorn.backlog", connections);
  client_.flush();
}

}  // namespace gserve::io
