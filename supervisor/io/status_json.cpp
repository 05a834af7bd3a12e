// SPDX-License-Identifier: MIT
#include "supervisor/io/status_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "common/version.h"
#include "supervisor/core/names.h"

namespace gserve::io {
namespace {

using Json = nlohmann::ordered_json;
using core::name_of;

/// To the millisecond.
double to_seconds(core::Duration duration) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) / 1000;
}

Json worker_json(const ports::WorkerReport& worker) {
  return {{"pid", worker.pid},
          {"pool", worker.pool},
          {"state", worker.spare ? "spare" : name_of(worker.state)},
          {"generation", worker.generation},
          {"age_s", to_seconds(worker.age)},
          {"requests", worker.requests},
          {"errors", worker.errors},
          {"connections", worker.connections},
          {"durations", worker.durations},
          {"rss_bytes", worker.rss_bytes},
          {"cpu_s", to_seconds(worker.cpu)},
          {"in_flight", worker.in_flight},
          {"request", worker.request},
          {"request_age_s", to_seconds(worker.request_age)},
          {"due", worker.due}};
}

Json template_json(const ports::TemplateReport& report) {
  return {{"pid", report.pid},
          {"pool", report.pool},
          {"state", name_of(report.state)},
          {"generation", report.generation},
          {"age_s", to_seconds(report.age)},
          {"rss_bytes", report.rss_bytes}};
}

Json pool_json(const ports::PoolReport& pool) {
  Json next_start = nullptr;
  if (pool.next_start) next_start = to_seconds(*pool.next_start);
  return {{"name", pool.name},         {"target", pool.target},
          {"ready", pool.ready},       {"state", pool.crash_looping ? "crash-looping" : "running"},
          {"failures", pool.failures}, {"last_failure", pool.last_failure},
          {"next_start_s", next_start}};
}

template <typename Item>
Json array_json(const std::vector<Item>& items, Json (*object)(const Item&)) {
  Json array = Json::array();
  for (const Item& item : items) array.push_back(object(item));
  return array;
}

}  // namespace

std::string status_json(const ports::StatusReport& status) {
  Json previous = nullptr;
  if (status.previous > 0) previous = status.previous;
  const Json json = {{"name", status.name},
                     {"pid", status.pid},
                     {"version", kVersion},
                     {"uptime_s", to_seconds(status.uptime)},
                     {"generation", status.generation},
                     {"target", status.target},
                     {"ready", status.ready},
                     {"state", name_of(status.state)},
                     {"previous_generation", previous},
                     {"bake_s", to_seconds(status.bake_left)},
                     {"rolled_back", status.rolled_back},
                     {"listeners", status.listeners},
                     {"last_incident", status.last_incident},
                     {"workers_started", status.workers_started},
                     {"log_kind", status.log.kind},
                     {"log_path", status.log.path},
                     {"pools", array_json(status.pools, pool_json)},
                     {"templates", array_json(status.templates, template_json)},
                     {"workers", array_json(status.workers, worker_json)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gserve::io
