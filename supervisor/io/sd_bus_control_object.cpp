// SPDX-License-Identifier: MIT
#include <systemd/sd-bus.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/control_contract.h"
#include "common/version.h"
#include "supervisor/core/names.h"
#include "supervisor/io/sd_bus_control_guard.h"
#include "supervisor/io/sd_bus_control_objects.h"
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
  dict.u64("rss_bytes", worker.rss_bytes);
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

ControlSession& session_of(void* userdata) {
  return *static_cast<ControlSession*>(userdata);
}

/// Replies to `call` with what `append(reply)` writes.
template <typename Append>
int reply_with(sd_bus_message* call, Append append) {
  sd_bus_message* raw = nullptr;
  int r = sd_bus_message_new_method_return(call, &raw);
  const MessagePtr reply(raw);
  if (r >= 0) r = append(raw);
  return r < 0 ? r : sd_bus_send(nullptr, raw, nullptr);
}

int get_status(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const ports::StatusReport status = session_of(userdata).calls.handler().status();
    return reply_with(call, [&](sd_bus_message* reply) { return append_status(reply, status); });
  });
}

int get_job(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    core::JobId id = 0;
    if (const int r = sd_bus_message_read(call, "t", &id); r < 0) return r;
    const std::optional<core::JobView> job = session_of(userdata).calls.handler().job(id);
    if (!job) {
      return sd_bus_error_setf(error, control::kErrorNoSuchJob,
                               "no job %llu; finished jobs are kept for 10 minutes",
                               static_cast<unsigned long long>(id));
    }
    return reply_with(call, [&](sd_bus_message* reply) { return append_job(reply, *job); });
  });
}

int list_incidents(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const auto& incidents = session_of(userdata).calls.handler().incidents();
    return reply_with(call,
                      [&](sd_bus_message* reply) { return append_dicts(reply, incidents, append_summary); });
  });
}

int refuse_incident(std::uint64_t id, const std::deque<ports::Incident>& incidents, sd_bus_error* error) {
  std::string kept = "none is on record";
  if (!incidents.empty()) {
    kept = "on record are " + std::to_string(incidents.front().id) + " to " +
           std::to_string(incidents.back().id);
  }
  return sd_bus_error_setf(error, control::kErrorNoSuchIncident, "no incident %llu: %s",
                           static_cast<unsigned long long>(id), kept.c_str());
}

int get_incident(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    std::uint64_t id = 0;
    if (const int r = sd_bus_message_read(call, "t", &id); r < 0) return r;
    const auto& incidents = session_of(userdata).calls.handler().incidents();
    const auto found = std::find_if(incidents.begin(), incidents.end(),
                                    [id](const ports::Incident& incident) { return incident.id == id; });
    if (found == incidents.end()) return refuse_incident(id, incidents, error);
    return reply_with(call, [&](sd_bus_message* reply) { return append_incident(reply, *found); });
  });
}

int stop(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const char* mode = nullptr;
    if (const int r = sd_bus_message_read(call, "s", &mode); r < 0) return r;
    core::StopRequested request;
    if (std::string_view(mode) == "quick") {
      request.mode = core::StopMode::quick;
    } else if (std::string_view(mode) != "graceful") {
      return sd_bus_error_setf(error, control::kErrorInvalidArgument,
                               "stop mode \"%.40s\" is unknown: use \"graceful\" or \"quick\"", mode);
    }
    ControlSession& session = session_of(userdata);
    return session.calls.submit(call, session.caller, std::move(request), error);
  });
}

/// A request without arguments.
template <typename Request>
int plain_request(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    ControlSession& session = session_of(userdata);
    return session.calls.submit(call, session.caller, Request{}, error);
  });
}

int scale(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const char* pool = nullptr;
    std::int32_t count = 0;
    int relative = 0;
    if (const int r = sd_bus_message_read(call, "sib", &pool, &count, &relative); r < 0) return r;
    core::ScaleRequested request;
    request.pool = pool;
    request.count = count;
    request.relative = relative != 0;
    ControlSession& session = session_of(userdata);
    return session.calls.submit(call, session.caller, std::move(request), error);
  });
}

int upgrade(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const char* binary = nullptr;
    if (const int r = sd_bus_message_read(call, "s", &binary); r < 0) return r;
    core::UpgradeRequested request;
    request.binary = binary;
    ControlSession& session = session_of(userdata);
    return session.calls.submit(call, session.caller, std::move(request), error);
  });
}

int append_property(sd_bus_message* reply, std::string_view property, const ports::StatusReport& status) {
  if (property == "Name") return sd_bus_message_append(reply, "s", bus_text(status.name).c_str());
  if (property == "Pid") return sd_bus_message_append(reply, "u", to_u32(status.pid));
  if (property == "Version") return sd_bus_message_append(reply, "s", kVersion);
  if (property == "Generation") return sd_bus_message_append(reply, "t", status.generation);
  if (property == "Target") return sd_bus_message_append(reply, "u", to_u32(status.target));
  return sd_bus_message_append(reply, "u", to_u32(status.ready));
}

int get_property(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply,
                 void* userdata, sd_bus_error* error) {
  return guarded(
      error, [&] { return append_property(reply, property, session_of(userdata).calls.handler().status()); });
}

// Every method is UNPRIVILEGED in sd-bus's sense: who may call was decided when the connection was accepted.
constexpr std::uint64_t kMethod = SD_BUS_VTABLE_UNPRIVILEGED;

const sd_bus_vtable kControlVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status), get_status, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("s", mode), SD_BUS_RESULT("t", job), stop, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", job),
                            plain_request<core::ReloadRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", job),
                            plain_request<core::RollbackRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Refork", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", job),
                            plain_request<core::ReforkRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Scale", SD_BUS_ARGS("s", pool, "i", count, "b", relative),
                            SD_BUS_RESULT("t", job), scale, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_ARGS("s", binary), SD_BUS_RESULT("t", job), upgrade, kMethod),
    SD_BUS_METHOD_WITH_ARGS("GetJob", SD_BUS_ARGS("t", job), SD_BUS_RESULT("a{sv}", state), get_job, kMethod),
    SD_BUS_METHOD_WITH_ARGS("ListIncidents", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", incidents),
                            list_incidents, kMethod),
    SD_BUS_METHOD_WITH_ARGS("GetIncident", SD_BUS_ARGS("t", id), SD_BUS_RESULT("a{sv}", incident),
                            get_incident, kMethod),
    SD_BUS_SIGNAL_WITH_ARGS("JobProgress", SD_BUS_ARGS("t", job, "s", text), 0),
    SD_BUS_SIGNAL_WITH_ARGS("JobFinished", SD_BUS_ARGS("t", job, "s", result, "s", reason), 0),
    SD_BUS_PROPERTY("Name", "s", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Pid", "u", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Version", "s", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Generation", "t", get_property, 0, 0),
    SD_BUS_PROPERTY("Target", "u", get_property, 0, 0),
    SD_BUS_PROPERTY("Ready", "u", get_property, 0, 0),
    SD_BUS_VTABLE_END,
};

}  // namespace

int add_control_object(sd_bus* bus, ControlSession* session) {
  return sd_bus_add_object_vtable(bus, nullptr, control::kObjectPath, control::kInterface, kControlVtable,
                                  session);
}

int emit_job_progress(sd_bus* bus, core::JobId job, const std::string& text) {
  return sd_bus_emit_signal(bus, control::kObjectPath, control::kInterface, "JobProgress", "ts", job,
                            bus_text(text).c_str());
}

int emit_job_finished(sd_bus* bus, core::JobId job, core::JobState result, const std::string& reason) {
  return sd_bus_emit_signal(bus, control::kObjectPath, control::kInterface, "JobFinished", "tss", job,
                            name_of(result), bus_text(reason).c_str());
}

}  // namespace gserve::io
