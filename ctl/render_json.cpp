// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "ctl/render.h"

namespace gserve::ctl {
namespace {

using Json = nlohmann::ordered_json;

double to_seconds(std::uint64_t usec) {
  return static_cast<double>(usec / 1000) / 1000.0;
}

Json worker_json(const WorkerStatus& worker) {
  return {{"pid", worker.pid},
          {"pool", worker.pool},
          {"state", worker.state},
          {"generation", worker.generation},
          {"age_s", to_seconds(worker.age_usec)},
          {"requests", worker.requests},
          {"rss_bytes", worker.rss_bytes},
          {"in_flight", worker.in_flight},
          {"request", worker.request},
          {"request_age_s", to_seconds(worker.request_age_usec)},
          {"due", worker.due}};
}

Json template_json(const TemplateStatus& status) {
  return {{"pid", status.pid},
          {"pool", status.pool},
          {"state", status.state},
          {"generation", status.generation},
          {"age_s", to_seconds(status.age_usec)},
          {"rss_bytes", status.rss_bytes}};
}

Json pool_json(const PoolStatus& pool) {
  Json next_start = nullptr;
  if (pool.next_start_usec > 0) next_start = to_seconds(pool.next_start_usec);
  return {{"name", pool.name},         {"target", pool.target},     {"ready", pool.ready},
          {"state", pool.state},       {"failures", pool.failures}, {"last_failure", pool.last_failure},
          {"next_start_s", next_start}};
}

template <typename Item>
Json array_json(const std::vector<Item>& items, Json (*object)(const Item&)) {
  Json array = Json::array();
  for (const Item& item : items) array.push_back(object(item));
  return array;
}

Json status_object(const Status& status) {
  return {{"name", status.name},
          {"pid", status.pid},
          {"version", status.version},
          {"uptime_s", to_seconds(status.uptime_usec)},
          {"generation", status.generation},
          {"target", status.target},
          {"ready", status.ready},
          {"state", status.state},
          {"listeners", status.listeners},
          {"pools", array_json(status.pools, pool_json)},
          {"templates", array_json(status.templates, template_json)},
          {"workers", array_json(status.workers, worker_json)}};
}

Json listed_json(const Listed& listed) {
  const auto& [instance, status] = listed;
  return {{"name", instance.name.empty() ? status.name : instance.name},
          {"pid", status.pid},
          {"version", status.version},
          {"uptime_s", to_seconds(status.uptime_usec)},
          {"target", status.target},
          {"ready", status.ready},
          {"state", status.state},
          {"listeners", status.listeners},
          {"socket", instance.socket}};
}

/// Strings from D-Bus are valid UTF-8; a path from the file system may not be.
std::string print(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string json_status(const Status& status) {
  return print(status_object(status));
}

std::string json_list(const std::vector<Listed>& instances) {
  Json array = Json::array();
  for (const Listed& listed : instances) array.push_back(listed_json(listed));
  return print(array);
}

std::string json_outcome(const Outcome& outcome) {
  Json job = nullptr;
  if (outcome.job) job = *outcome.job;
  return print({{"command", outcome.command},
                {"name", outcome.instance},
                {"result", outcome.result},
                {"job", job},
                {"reason", outcome.reason}});
}

}  // namespace gserve::ctl
