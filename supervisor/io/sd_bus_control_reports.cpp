// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control_reports.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/version.h"
#include "supervisor/core/names.h"
#include "supervisor/io/sd_bus_control_text.h"

namespace gserve::io {
namespace {

std::uint32_t to_u32(int value) {
  return value < 0 ? 0U : static_cast<std::uint32_t>(value);
}

std::uint64_t to_usec(core::Duration duration) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return usec < 0 ? 0U : static_cast<std::uint64_t>(usec);
}

/// Writes an a{sv}, remembering the first failure so that the caller checks once.
class DictWriter {
 public:
  explicit DictWriter(sd_bus_message* message) : message_(message) {
    note(sd_bus_message_open_container(message, 'a', "{sv}"));
  }

  void text(const char* key, std::string_view value) {
    note(sd_bus_message_append(message_, "{sv}", key, "s", bus_text(value).c_str()));
  }
  void u32(const char* key, std::uint32_t value) {
    note(sd_bus_message_append(message_, "{sv}", key, "u", value));
  }
  void u64(const char* key, std::uint64_t value) {
    note(sd_bus_message_append(message_, "{sv}", key, "t", value));
  }

  /// An entry whose value, of type `contents`, is written by `body(message)`.
  template <typename Body>
  void entry(const char* key, const char* contents, Body body) {
    note(sd_bus_message_open_container(message_, 'e', "sv"));
    note(sd_bus_message_append_basic(message_, 's', key));
    note(sd_bus_message_open_container(message_, 'v', contents));
    note(body(message_));
    note(sd_bus_message_close_container(message_));
    note(sd_bus_message_close_container(message_));
  }

  int close() {
    note(sd_bus_message_close_container(message_));
    return failure_;
  }

 private:
  void note(int r) {
    if (r < 0 && failure_ == 0) failure_ = r;
  }
  sd_bus_message* message_;
  int failure_ = 0;
};

int append_worker(sd_bus_message* message, const ports::WorkerReport& worker) {
  DictWriter dict(message);
  dict.u32("pid", to_u32(worker.pid));
  dict.text("pool", worker.pool);
  dict.text("state", worker.spare ? "spare" : name_of(worker.state));
  dict.u64("generation", worker.generation);
  dict.u64("age_usec", to_usec(worker.age));
  dict.u64("requests", worker.requests);
  dict.u64("errors", worker.errors);
  dict.u64("connections", worker.connections);
  dict.entry("durations", "at", [&](sd_bus_message* m) {
    const auto& counts = worker.durations;
    return sd_bus_message_append_array(m, 't', counts.data(), sizeof counts);
  });
  dict.u64("rss_bytes", worker.rss_bytes);
  dict.u64("cpu_usec", to_usec(worker.cpu));
  dict.u32("in_flight", worker.in_flight);
  dict.text("request", worker.request);
  dict.u64("request_age_usec", to_usec(worker.request_age));
  dict.text("due", worker.due);
  return dict.close();
}

int append_template(sd_bus_message* message, const ports::TemplateReport& report) {
  DictWriter dict(message);
  dict.u32("pid", to_u32(report.pid));
  dict.text("pool", report.pool);
  dict.text("state", name_of(report.state));
  dict.u64("generation", report.generation);
  dict.u64("age_usec", to_usec(report.age));
  dict.u64("rss_bytes", report.rss_bytes);
  return dict.close();
}

int append_pool(sd_bus_message* message, const ports::PoolReport& pool) {
  DictWriter dict(message);
  dict.text("name", pool.name);
  dict.u32("target", to_u32(pool.target));
  dict.u32("ready", to_u32(pool.ready));
  dict.text("state", pool.crash_looping ? "crash-looping" : "running");
  dict.u32("failures", to_u32(pool.failures));
  dict.text("last_failure", pool.last_failure);
  dict.u64("next_start_usec", pool.next_start ? std::max<std::uint64_t>(to_usec(*pool.next_start), 1) : 0);
  return dict.close();
}

/// An aa{sv}, each dictionary written by `append(message, report)`.
template <typename Reports>
int append_dicts(sd_bus_message* message, const Reports& reports,
                 int (*append)(sd_bus_message*, const typename Reports::value_type&)) {
  int r = sd_bus_message_open_container(message, 'a', "a{sv}");
  for (const auto& report : reports) {
    if (r >= 0) r = append(message, report);
  }
  return r < 0 ? r : sd_bus_message_close_container(message);
}

int append_texts(sd_bus_message* message, const std::vector<std::string>& texts) {
  int r = sd_bus_message_open_container(message, 'a', "s");
  for (const std::string& text : texts) {
    if (r >= 0) r = sd_bus_message_append_basic(message, 's', bus_text(text).c_str());
  }
  return r < 0 ? r : sd_bus_message_close_container(message);
}

int append_setting(sd_bus_message* message, const ports::SettingReport& setting) {
  DictWriter dict(message);
  dict.text("name", setting.name);
  dict.text("value", setting.value);
  dict.text("json", setting.json);
  dict.text("source", setting.source);
  dict.text("origin", setting.origin);
  return dict.close();
}

void write_summary(DictWriter& dict, const ports::Incident& incident) {
  dict.u64("id", incident.id);
  dict.u64("time_usec", incident.time_usec);
  dict.text("kind", name_of(incident.kind));
  dict.text("process", incident.of_template ? "template" : "worker");
  dict.u64("launch", incident.launch);
  dict.u32("pid", to_u32(incident.pid));
  dict.text("pool", incident.pool);
  dict.u64("generation", incident.generation);
  dict.text("reason", incident.reason);
}

int append_summary(sd_bus_message* message, const ports::Incident& incident) {
  DictWriter dict(message);
  write_summary(dict, incident);
  return dict.close();
}

int append_request(sd_bus_message* message, const ports::RequestInFlight& request) {
  DictWriter dict(message);
  dict.text("line", request.line);
  dict.u64("age_usec", to_usec(request.age));
  return dict.close();
}

}  // namespace

int append_status(sd_bus_message* message, const ports::StatusReport& status) {
  DictWriter dict(message);
  dict.text("name", status.name);
  dict.u32("pid", to_u32(status.pid));
  dict.text("version", kVersion);
  dict.u64("uptime_usec", to_usec(status.uptime));
  dict.u64("generation", status.generation);
  dict.u32("target", to_u32(status.target));
  dict.u32("ready", to_u32(status.ready));
  dict.text("state", name_of(status.state));
  dict.u64("previous_generation", status.previous);
  dict.u64("bake_usec", status.bake_left > core::Duration::zero()
                            ? std::max<std::uint64_t>(to_usec(status.bake_left), 1)
                            : 0);
  dict.text("rolled_back", status.rolled_back);
  dict.entry("listeners", "as", [&](sd_bus_message* m) { return append_texts(m, status.listeners); });
  dict.u64("last_incident", status.last_incident);
  dict.u64("workers_started", status.workers_started);
  dict.text("log_kind", status.log.kind);
  dict.text("log_path", status.log.path);
  dict.entry("pools", "aa{sv}",
             [&](sd_bus_message* m) { return append_dicts(m, status.pools, append_pool); });
  dict.entry("templates", "aa{sv}",
             [&](sd_bus_message* m) { return append_dicts(m, status.templates, append_template); });
  dict.entry("workers", "aa{sv}",
             [&](sd_bus_message* m) { return append_dicts(m, status.workers, append_worker); });
  return dict.close();
}

int append_job(sd_bus_message* message, const core::JobView& job) {
  DictWriter dict(message);
  dict.u64("id", job.id);
  dict.text("kind", name_of(job.kind));
  dict.text("state", name_of(job.state));
  dict.text("reason", job.reason);
  dict.text("progress", job.progress);
  return dict.close();
}

int append_incident(sd_bus_message* message, const ports::Incident& incident) {
  DictWriter dict(message);
  write_summary(dict, incident);
  dict.text("details", incident.details);
  dict.u32("in_flight", incident.in_flight);
  dict.entry("requests", "aa{sv}",
             [&](sd_bus_message* m) { return append_dicts(m, incident.requests, append_request); });
  dict.text("stacks", incident.stacks);
  dict.text("log", incident.log);
  return dict.close();
}

int append_incidents(sd_bus_message* message, const std::deque<ports::Incident>& incidents) {
  return append_dicts(message, incidents, append_summary);
}

int append_settings(sd_bus_message* message, const std::vector<ports::SettingReport>& settings) {
  return append_dicts(message, settings, append_setting);
}

}  // namespace gserve::io
