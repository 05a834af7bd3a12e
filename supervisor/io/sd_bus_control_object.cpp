// SPDX-License-Identifier: MIT
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "common/control_contract.h"
#include "common/version.h"
#include "supervisor/core/names.h"
#include "supervisor/io/sd_bus_control_guard.h"
#include "supervisor/io/sd_bus_control_objects.h"
#include "supervisor/io/sd_bus_control_reports.h"
#include "supervisor/io/sd_bus_control_text.h"

namespace gserve::io {
namespace {

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
    return reply_with(call, [&](sd_bus_message* reply) { return append_incidents(reply, incidents); });
  });
}

int get_config(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const auto settings = session_of(userdata).calls.handler().settings();
    return reply_with(call, [&](sd_bus_message* reply) { return append_settings(reply, settings); });
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

/// A request about one worker, by its pid.
template <typename Request>
int worker_request(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    std::uint32_t pid = 0;
    if (const int r = sd_bus_message_read(call, "u", &pid); r < 0) return r;
    Request request;
    request.pid = std::in_range<core::Pid>(pid) ? static_cast<core::Pid>(pid) : 0;
    ControlSession& session = session_of(userdata);
    return session.calls.submit(call, session.caller, std::move(request), error);
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
  if (property == "Pid") return sd_bus_message_append(reply, "u", static_cast<std::uint32_t>(status.pid));
  if (property == "Version") return sd_bus_message_append(reply, "s", kVersion);
  if (property == "Generation") return sd_bus_message_append(reply, "t", status.generation);
  if (property == "Target")
    return sd_bus_message_append(reply, "u", static_cast<std::uint32_t>(status.target));
  return sd_bus_message_append(reply, "u", static_cast<std::uint32_t>(status.ready));
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
    SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", job),
                            plain_request<core::RestartRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("RestartWorker", SD_BUS_ARGS("u", pid), SD_BUS_RESULT("t", job),
                            worker_request<core::WorkerRestartRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("KillWorker", SD_BUS_ARGS("u", pid), SD_BUS_RESULT("t", job),
                            worker_request<core::WorkerKillRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("ReopenLogs", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", job),
                            plain_request<core::ReopenLogsRequested>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Scale", SD_BUS_ARGS("s", pool, "i", count, "b", relative),
                            SD_BUS_RESULT("t", job), scale, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_ARGS("s", binary), SD_BUS_RESULT("t", job), upgrade, kMethod),
    SD_BUS_METHOD_WITH_ARGS("GetJob", SD_BUS_ARGS("t", job), SD_BUS_RESULT("a{sv}", state), get_job, kMethod),
    SD_BUS_METHOD_WITH_ARGS("GetConfig", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", settings), get_config,
                            kMethod),
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
