// SPDX-License-Identifier: MIT
#include <cstdio>
#include <ctime>
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
          {"errors", worker.errors},
          {"connections", worker.connections},
          {"durations", worker.durations},
          {"rss_bytes", worker.rss_bytes},
          {"cpu_s", to_seconds(worker.cpu_usec)},
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
  Json previous = nullptr;
  if (status.previous_generation > 0) previous = status.previous_generation;
  return {{"name", status.name},
          {"pid", status.pid},
          {"version", status.version},
          {"uptime_s", to_seconds(status.uptime_usec)},
          {"generation", status.generation},
          {"target", status.target},
          {"ready", status.ready},
          {"state", status.state},
          {"previous_generation", previous},
          {"bake_s", to_seconds(status.bake_usec)},
          {"rolled_back", status.rolled_back},
          {"listeners", status.listeners},
          {"last_incident", status.last_incident},
          {"workers_started", status.workers_started},
          {"log_kind", status.log_kind},
          {"log_path", status.log_path},
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

/// RFC 3339, in UTC: "2026-11-23T09:15:27.250Z".
std::string time_text(std::uint64_t usec) {
  const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &time);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03uZ", static_cast<unsigned>(usec / 1000 % 1000));
  return std::string(text) + fraction;
}

Json summary_json(const IncidentSummary& summary) {
  return {{"id", summary.id},         {"time", time_text(summary.time_usec)},
          {"kind", summary.kind},     {"process", summary.process},
          {"launch", summary.launch}, {"pid", summary.pid},
          {"pool", summary.pool},     {"generation", summary.generation},
          {"reason", summary.reason}};
}

Json request_json(const RequestInFlight& request) {
  return {{"line", request.line}, {"age_s", to_seconds(request.age_usec)}};
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

std::string json_incidents(const std::vector<IncidentSummary>& incidents) {
  return print(array_json(incidents, summary_json));
}

std::string json_incident(const Incident& incident) {
  Json json = summary_json(incident.summary);
  json["details"] = incident.details;
  json["in_flight"] = incident.in_flight;
  json["requests"] = array_json(incident.requests, request_json);
  json["stacks"] = incident.stacks;
  json["log"] = incident.log;
  return print(json);
}

/// As `gserve --print-config-json` prints it.
std::string json_config(const std::vector<SettingInForce>& settings) {
  Json object = Json::object();
  for (const SettingInForce& setting : settings) {
    object[setting.name] = {{"value", Json::parse(setting.json, nullptr, false)},
                            {"source", setting.source},
                            {"origin", setting.origin}};
    if (object[setting.name]["value"].is_discarded()) object[setting.name]["value"] = nullptr;  // it was cut
  }
  return print(object);
}

std::string json_log_line(std::string_view line) {
  return Json({{"line", line}}).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
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
