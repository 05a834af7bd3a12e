// SPDX-License-Identifier: MIT
#include "ctl/bus_decode.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <string_view>

namespace gserve::ctl {
namespace {

int read_variant(sd_bus_message* message, std::string& value) {
  const char* text = nullptr;
  const int r = sd_bus_message_read(message, "v", "s", &text);
  if (r > 0) value = text;
  return r;
}

int read_variant(sd_bus_message* message, std::uint32_t& value) {
  return sd_bus_message_read(message, "v", "u", &value);
}

int read_variant(sd_bus_message* message, std::uint64_t& value) {
  return sd_bus_message_read(message, "v", "t", &value);
}

/// Calls `read()` for each element of the array of `contents` that comes next.
template <typename Read>
int for_each(sd_bus_message* message, const char* contents, Read read) {
  int r = sd_bus_message_enter_container(message, 'a', contents);
  while (r >= 0 && (r = sd_bus_message_at_end(message, 0)) == 0) r = read();
  return r < 0 ? r : sd_bus_message_exit_container(message);
}

/// Calls `read(key)` for each entry of an a{sv}; it returns 0 for keys that it does not know.
template <typename Read>
int for_each_entry(sd_bus_message* message, Read read) {
  return for_each(message, "{sv}", [&] {
    const char* key = nullptr;
    int r = sd_bus_message_enter_container(message, 'e', "sv");
    if (r >= 0) r = sd_bus_message_read_basic(message, 's', &key);
    if (r >= 0) r = read(std::string_view(key));
    if (r == 0) r = sd_bus_message_skip(message, "v");
    return r < 0 ? r : sd_bus_message_exit_container(message);
  });
}

/// A variant that holds an array of `contents`.
template <typename Read>
int for_each_in_variant(sd_bus_message* message, const char* contents, Read read) {
  const std::string array = std::string("a") + contents;
  int r = sd_bus_message_enter_container(message, 'v', array.c_str());
  if (r >= 0) r = for_each(message, contents, read);
  return r < 0 ? r : sd_bus_message_exit_container(message);
}

/// As many as both sides know.
int read_durations(sd_bus_message* message, Durations& durations) {
  std::size_t index = 0;
  return for_each_in_variant(message, "t", [&] {
    std::uint64_t count = 0;
    const int r = sd_bus_message_read_basic(message, 't', &count);
    if (r > 0 && index < durations.size()) durations[index++] = count;
    return r;
  });
}

int read_worker(sd_bus_message* m, WorkerStatus& worker) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "pid") return read_variant(m, worker.pid);
    if (key == "pool") return read_variant(m, worker.pool);
    if (key == "state") return read_variant(m, worker.state);
    if (key == "generation") return read_variant(m, worker.generation);
    if (key == "age_usec") return read_variant(m, worker.age_usec);
    if (key == "requests") return read_variant(m, worker.requests);
    if (key == "errors") return read_variant(m, worker.errors);
    if (key == "durations") return read_durations(m, worker.durations);
    if (key == "connections") return read_variant(m, worker.connections);
    if (key == "rss_bytes") return read_variant(m, worker.rss_bytes);
    if (key == "cpu_usec") return read_variant(m, worker.cpu_usec);
    if (key == "in_flight") return read_variant(m, worker.in_flight);
    if (key == "request") return read_variant(m, worker.request);
    if (key == "request_age_usec") return read_variant(m, worker.request_age_usec);
    if (key == "due") return read_variant(m, worker.due);
    return 0;
  });
}

int read_template(sd_bus_message* m, TemplateStatus& status) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "pid") return read_variant(m, status.pid);
    if (key == "pool") return read_variant(m, status.pool);
    if (key == "state") return read_variant(m, status.state);
    if (key == "generation") return read_variant(m, status.generation);
    if (key == "age_usec") return read_variant(m, status.age_usec);
    if (key == "rss_bytes") return read_variant(m, status.rss_bytes);
    return 0;
  });
}

int read_pool(sd_bus_message* m, PoolStatus& pool) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "name") return read_variant(m, pool.name);
    if (key == "target") return read_variant(m, pool.target);
    if (key == "ready") return read_variant(m, pool.ready);
    if (key == "state") return read_variant(m, pool.state);
    if (key == "failures") return read_variant(m, pool.failures);
    if (key == "last_failure") return read_variant(m, pool.last_failure);
    if (key == "next_start_usec") return read_variant(m, pool.next_start_usec);
    return 0;
  });
}

/// An aa{sv}, each dictionary read by `read(message, item)`.
template <typename Item>
int read_dicts(sd_bus_message* message, std::vector<Item>& items, int (*read)(sd_bus_message*, Item&)) {
  return for_each_in_variant(message, "a{sv}", [&] { return read(message, items.emplace_back()); });
}

int read_texts(sd_bus_message* message, std::vector<std::string>& texts) {
  return for_each_in_variant(message, "s", [&] {
    const char* text = nullptr;
    const int r = sd_bus_message_read_basic(message, 's', &text);
    if (r > 0) texts.emplace_back(text);
    return r;
  });
}

int read_request(sd_bus_message* m, RequestInFlight& request) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "line") return read_variant(m, request.line);
    if (key == "age_usec") return read_variant(m, request.age_usec);
    return 0;
  });
}

/// 0: it is no key of a summary.
int read_summary_entry(sd_bus_message* m, std::string_view key, IncidentSummary& summary) {
  if (key == "id") return read_variant(m, summary.id);
  if (key == "time_usec") return read_variant(m, summary.time_usec);
  if (key == "kind") return read_variant(m, summary.kind);
  if (key == "process") return read_variant(m, summary.process);
  if (key == "launch") return read_variant(m, summary.launch);
  if (key == "pid") return read_variant(m, summary.pid);
  if (key == "pool") return read_variant(m, summary.pool);
  if (key == "generation") return read_variant(m, summary.generation);
  if (key == "reason") return read_variant(m, summary.reason);
  return 0;
}

}  // namespace

int read_status(sd_bus_message* m, Status& status) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "name") return read_variant(m, status.name);
    if (key == "pid") return read_variant(m, status.pid);
    if (key == "version") return read_variant(m, status.version);
    if (key == "uptime_usec") return read_variant(m, status.uptime_usec);
    if (key == "generation") return read_variant(m, status.generation);
    if (key == "target") return read_variant(m, status.target);
    if (key == "ready") return read_variant(m, status.ready);
    if (key == "state") return read_variant(m, status.state);
    if (key == "previous_generation") return read_variant(m, status.previous_generation);
    if (key == "bake_usec") return read_variant(m, status.bake_usec);
    if (key == "rolled_back") return read_variant(m, status.rolled_back);
    if (key == "listeners") return read_texts(m, status.listeners);
    if (key == "last_incident") return read_variant(m, status.last_incident);
    if (key == "workers_started") return read_variant(m, status.workers_started);
    if (key == "log_kind") return read_variant(m, status.log_kind);
    if (key == "log_path") return read_variant(m, status.log_path);
    if (key == "pools") return read_dicts(m, status.pools, read_pool);
    if (key == "templates") return read_dicts(m, status.templates, read_template);
    if (key == "workers") return read_dicts(m, status.workers, read_worker);
    return 0;
  });
}

int read_job(sd_bus_message* m, Job& job) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "id") return read_variant(m, job.id);
    if (key == "kind") return read_variant(m, job.kind);
    if (key == "state") return read_variant(m, job.state);
    if (key == "reason") return read_variant(m, job.reason);
    if (key == "progress") return read_variant(m, job.progress);
    return 0;
  });
}

int read_settings(sd_bus_message* m, std::vector<SettingInForce>& settings) {
  return for_each(m, "a{sv}", [&] {
    SettingInForce& setting = settings.emplace_back();
    return for_each_entry(m, [&](std::string_view key) {
      if (key == "name") return read_variant(m, setting.name);
      if (key == "value") return read_variant(m, setting.value);
      if (key == "json") return read_variant(m, setting.json);
      if (key == "source") return read_variant(m, setting.source);
      if (key == "origin") return read_variant(m, setting.origin);
      return 0;
    });
  });
}

int read_incidents(sd_bus_message* m, std::vector<IncidentSummary>& incidents) {
  return for_each(m, "a{sv}", [&] {
    IncidentSummary& summary = incidents.emplace_back();
    return for_each_entry(m, [&](std::string_view key) { return read_summary_entry(m, key, summary); });
  });
}

int read_incident(sd_bus_message* m, Incident& incident) {
  return for_each_entry(m, [&](std::string_view key) {
    if (key == "details") return read_variant(m, incident.details);
    if (key == "in_flight") return read_variant(m, incident.in_flight);
    if (key == "requests") return read_dicts(m, incident.requests, read_request);
    if (key == "stacks") return read_variant(m, incident.stacks);
    if (key == "log") return read_variant(m, incident.log);
    return read_summary_entry(m, key, incident.summary);
  });
}

}  // namespace gserve::ctl
