// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "supervisor/config/source_names.h"
#include "supervisor/core/names.h"
#include "supervisor/io/service_state.h"

/// What an upgrade's state consists of: one list of fields for each record, for writing and for reading, so that
/// they cannot drift apart. A visitor is called with each field's name and value; `later` is called for fields
/// that a state of an older release may lack, which then keep their defaults.
namespace gserve::io {

using config::name_of;
using core::name_of;

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <typename Visitor>
void fields(Visitor& visit, core::BackoffRecord& record) {
  visit("gate", record.gate);
  visit("incidents", record.incidents);
  visit("failures", record.failures);
  visit("window", record.window);
  visit("calm_since", record.calm_since);
}

template <typename Visitor>
void fields(Visitor& visit, core::PoolConfig& config) {
  visit("name", config.name);
  visit("workers", config.workers);
  visit("boot_timeout", config.boot_timeout);
  visit("timeout", config.timeout);
  visit("graceful_timeout", config.graceful_timeout);
  visit("pre_stop_delay", config.pre_stop_delay);
  visit("surge", config.surge);
  visit("max_worker_memory", config.max_worker_memory);
  visit("max_worker_lifetime", config.max_worker_lifetime);
  visit.later("watches_code", config.watches_code);
  visit("preload", config.preload);
  visit.later("bake", config.bake);
  visit.later("bake_factor", config.bake_factor);
}

template <typename Visitor>
void fields(Visitor& visit, core::CohortRecord& record) {
  visit("generation", record.generation);
  visit("config", record.config);
  visit("backoff", record.backoff);
  visit("last_failure", record.last_failure);
}

template <typename Visitor>
void fields(Visitor& visit, core::PoolRecord& record) {
  visit("name", record.name);
  visit("target", record.target);
  visit("cohorts", record.cohorts);
  visit.later("kept", record.kept);
  visit.later("baking", record.baking);
}

template <typename Visitor>
void fields(Visitor& visit, core::WorkerFacts& facts) {
  visit("launch", facts.launch);
  visit("pool", facts.pool);
  visit("generation", facts.generation);
  visit("boot_timeout", facts.boot_timeout);
  visit("timeout", facts.timeout);
  visit("graceful_timeout", facts.graceful_timeout);
  visit("max_memory", facts.max_memory);
  visit("max_lifetime", facts.max_lifetime);
  visit("started", facts.started);
  visit("from", facts.from);
  visit("pid", facts.pid);
  visit("owed_signal", facts.owed_signal);
  visit("ready_at", facts.ready_at);
  visit("retired", facts.retired);
  visit("replaced", facts.replaced);
  visit("leaving", facts.leaving);
  visit("blamed", facts.blamed);
  visit("drain_limit", facts.drain_limit);
  visit("boot_error", facts.boot_error);
  visit("due", facts.due);
  visit("overdue_since", facts.overdue_since);
  visit.later("fault", facts.fault);
  visit.later("resting", facts.resting);
  visit.later("chosen", facts.chosen);
  visit.later("requests", facts.requests);
  visit.later("errors", facts.errors);
}

template <typename Visitor>
void fields(Visitor& visit, core::WorkerRecord& record) {
  visit("facts", record.facts);
  visit("state", record.state);
}

template <typename Visitor>
void fields(Visitor& visit, core::TemplateFacts& facts) {
  visit("launch", facts.launch);
  visit("pool", facts.pool);
  visit("generation", facts.generation);
  visit("boot_timeout", facts.boot_timeout);
  visit("started", facts.started);
  visit("pid", facts.pid);
  visit("owed_signal", facts.owed_signal);
  visit("ready_at", facts.ready_at);
  visit("told", facts.told);
  visit("boot_error", facts.boot_error);
}

template <typename Visitor>
void fields(Visitor& visit, core::TemplateRecord& record) {
  visit("facts", record.facts);
  visit("state", record.state);
}

template <typename Visitor>
void fields(Visitor& visit, core::JobView& job) {
  visit("id", job.id);
  visit("kind", job.kind);
  visit("state", job.state);
  visit("reason", job.reason);
  visit("progress", job.progress);
}

template <typename Visitor>
void fields(Visitor& visit, core::JobRecord& record) {
  visit("job", record.job);
  visit("finished", record.finished);
}

template <typename Visitor>
void fields(Visitor& visit, core::JobCount& count) {
  visit("kind", count.kind);
  visit("result", count.result);
  visit("count", count.count);
}

template <typename Visitor>
void fields(Visitor& visit, core::ExitRecord& record) {
  visit("pool", record.pool);
  visit("reason", record.reason);
  visit("count", record.count);
}

template <typename Visitor>
void fields(Visitor& visit, core::ScaleRecord& record) {
  visit("job", record.job);
  visit("target", record.target);
  visit("first_launch", record.first_launch);
  visit("crashes", record.crashes);
}

template <typename Visitor>
void fields(Visitor& visit, core::WorkerJobRecord& record) {
  visit("job", record.job);
  visit("worker", record.worker);
  visit("first_launch", record.first_launch);
  visit("made_due", record.made_due);
}

template <typename Visitor>
void fields(Visitor& visit, core::UpgradeRecord& record) {
  visit("job", record.job);
  visit("executing", record.executing);
}

template <typename Visitor>
void fields(Visitor& visit, core::Conduct& conduct) {
  visit("requests", conduct.requests);
  visit("errors", conduct.errors);
  visit("crashes", conduct.crashes);
  visit("timeouts", conduct.timeouts);
  visit("served", conduct.served);
}

template <typename Visitor>
void fields(Visitor& visit, core::ConductRecord& record) {
  visit("generation", record.generation);
  visit("gone", record.gone);
}

template <typename Visitor>
void fields(Visitor& visit, core::BakeRecord& record) {
  visit("until", record.until);
  visit("conducts", record.conducts);
  visit("rolled_back", record.rolled_back);
}

template <typename Visitor>
void fields(Visitor& visit, core::TimerRecord& record) {
  visit("kind", record.owner.kind);
  visit("id", record.owner.id);
  visit("when", record.when);
}

template <typename Visitor>
void fields(Visitor& visit, core::Snapshot& snapshot) {
  visit("generation", snapshot.generation);
  visit("newest", snapshot.newest);
  visit("next_launch", snapshot.next_launch);
  visit("next_age", snapshot.next_age);
  visit("random", snapshot.random);
  visit("ever_ready", snapshot.ever_ready);
  visit("told_ready", snapshot.told_ready);
  visit("told_reloading", snapshot.told_reloading);
  visit("pools", snapshot.pools);
  visit("workers", snapshot.workers);
  visit("templates", snapshot.templates);
  visit("next_job", snapshot.next_job);
  visit("jobs", snapshot.jobs);
  visit.later("job_counts", snapshot.job_counts);
  visit.later("exits", snapshot.exits);
  visit("scales", snapshot.scales);
  visit.later("worker_jobs", snapshot.worker_jobs);
  visit("upgrade", snapshot.upgrade);
  visit.later("bake", snapshot.bake);
  visit.later("watchdog", snapshot.watchdog);
  visit("timers", snapshot.timers);
}

template <typename Visitor>
void fields(Visitor& visit, FileIdentity& file) {
  visit("path", file.path);
  visit("device", file.device);
  visit("inode", file.inode);
}

template <typename Visitor>
void fields(Visitor& visit, ListenerState& listener) {
  visit("fd", listener.fd);
  visit("inherited", listener.inherited);
  visit("file", listener.file);
}

template <typename Visitor>
void fields(Visitor& visit, PidfileState& pidfile) {
  visit("fd", pidfile.fd);
  visit("path", pidfile.path);
}

template <typename Visitor>
void fields(Visitor& visit, ControlState& control) {
  visit("listener", control.listener);
  visit("directory", control.directory);
  visit("socket", control.socket);
  visit("created", control.created);
}

template <typename Visitor>
void fields(Visitor& visit, NotifyState& notify) {
  visit("fd", notify.fd);
  visit("made_base", notify.made_base);
  visit("directory", notify.directory);
  visit("path", notify.path);
}

template <typename Visitor>
void fields(Visitor& visit, ports::Identity& identity) {
  visit("user", identity.user);
  visit("group", identity.group);
  visit("groups", identity.groups);
}

template <typename Visitor>
void fields(Visitor& visit, DeploymentState& deployment) {
  visit("generation", deployment.generation);
  visit("settings", deployment.settings);
  visit("python", deployment.python);
  visit.later("tls", deployment.tls);
  visit.later("identity", deployment.identity);
}

template <typename Visitor>
void fields(Visitor& visit, LaunchState& launch) {
  visit("id", launch.id);
  visit("generation", launch.generation);
  visit("pool", launch.pool);
  visit.later("age", launch.age);
  visit("pid", launch.pid);
  visit("pidfd", launch.pidfd);
  visit("lifeline", launch.lifeline);
  visit("incident", launch.incident);
  visit("scoreboard", launch.scoreboard);
}

template <typename Visitor>
void fields(Visitor& visit, TemplateState& state) {
  visit("launch", state.launch);
  visit("control", state.control);
}

template <typename Visitor>
void fields(Visitor& visit, SaidState& said) {
  visit("sender", said.sender);
  visit("text", said.text);
}

template <typename Visitor>
void fields(Visitor& visit, ForkState& fork) {
  visit("from", fork.from);
  visit("worker", fork.worker);
  visit("said", fork.said);
}

template <typename Visitor>
void fields(Visitor& visit, HandoverState& handover) {
  visit("pool", handover.pool);
  visit("one", handover.one);
  visit("other", handover.other);
}

template <typename Visitor>
void fields(Visitor& visit, RequestTotalsState& totals) {
  visit("pool", totals.pool);
  visit("requests", totals.requests);
  visit("errors", totals.errors);
  visit("connections", totals.connections);
  visit("durations", totals.durations);
  visit("duration_sum_ns", totals.duration_sum_ns);
}

template <typename Visitor>
void fields(Visitor& visit, ports::RequestInFlight& request) {
  visit("line", request.line);
  visit("age", request.age);
}

template <typename Visitor>
void fields(Visitor& visit, ports::Incident& incident) {
  visit("id", incident.id);
  visit("time_usec", incident.time_usec);
  visit("kind", incident.kind);
  visit("of_template", incident.of_template);
  visit("launch", incident.launch);
  visit("pid", incident.pid);
  visit("pool", incident.pool);
  visit("generation", incident.generation);
  visit("reason", incident.reason);
  visit("details", incident.details);
  visit("in_flight", incident.in_flight);
  visit("requests", incident.requests);
  visit("stacks", incident.stacks);
  visit("log", incident.log);
}

template <typename Visitor>
void fields(Visitor& visit, HookProcessState& hooks) {
  visit("pid", hooks.pid);
  visit("pidfd", hooks.pidfd);
  visit("control", hooks.control);
  visit("last_call", hooks.last_call);
}

template <typename Visitor>
void fields(Visitor& visit, ServiceState& state) {
  visit("release", state.release);
  visit("binary", state.binary);
  visit("previous", state.previous);
  visit("argv", state.argv);
  visit("environment", state.environment);
  visit("directory", state.directory);
  visit("nofile_soft", state.nofile_soft);
  visit("nofile_hard", state.nofile_hard);
  visit("started", state.started);
  visit("instance", state.instance);
  visit("error_log", state.error_log);
  visit("access_log", state.access_log);
  visit("pidfile", state.pidfile);
  visit("control", state.control);
  visit("listeners", state.listeners);
  visit("notify", state.notify);
  visit("started_with", state.started_with);
  visit("deployments", state.deployments);
  visit("launches", state.launches);
  visit("templates", state.templates);
  visit("forks", state.forks);
  visit("handovers", state.handovers);
  visit.later("request_totals", state.request_totals);
  visit.later("admin", state.admin);
  visit.later("hooks", state.hooks);
  visit.later("last_incident", state.last_incident);
  visit.later("incidents", state.incidents);
  visit("core", state.core);
}

}  // namespace gserve::io
