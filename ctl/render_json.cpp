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
          {"request_age_s", to_seconds(worker.request_age_usec)}};
}

Json workers_json(const std::vector<WorkerStatus>& workers) {
  Json array = Json::array();
  for (const WorkerStatus& worker : workers) array.push_back(worker_json(worker));
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
          {"workers", workers_json(status.workers)}};
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
