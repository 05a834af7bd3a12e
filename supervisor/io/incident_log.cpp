// SPDX-License-Identifier: MIT
#include "supervisor/io/incident_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gserve::io {
namespace {

std::uint64_t now_usec() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::string cut_note(std::size_t size) {
  return "... (cut, it had " + std::to_string(size) + " bytes)";
}

/// The beginning, to the end of a line where there are several.
std::string head(std::string text, std::size_t limit) {
  const std::size_t size = text.size();
  if (size <= limit) return text;
  text.resize(limit);
  const std::size_t line_end = text.rfind('\n');
  if (line_end != std::string::npos) text.resize(line_end + 1);
  return text + cut_note(size);
}

/// The end, from the beginning of a line where there are several: a traceback's last lines say most.
std::string tail(const std::string& text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::string last = text.substr(text.size() - limit);
  last.erase(0, last.find('\n') + 1);  // npos + 1 is 0
  return cut_note(text.size()) + "\n" + last;
}

}  // namespace

void IncidentLog::gather(const Remains& remains, std::string log) {
  remains_ = remains;
  log_ = std::move(log);
}

void IncidentLog::record(const core::RecordIncident& order) {
  ports::Incident incident;
  incident.id = last_id_ + 1;
  incident.time_usec = now_usec();
  incident.kind = order.kind;
  incident.of_template = order.of_template;
  incident.launch = order.launch;
  incident.pid = order.pid;
  incident.pool = order.pool;
  incident.generation = order.generation;
  incident.reason = head(order.reason, kMaxReason);
  incident.details = tail(order.details, kMaxDetails);
  if (remains_ && remains_->launch == order.launch) {
    incident.in_flight = remains_->in_flight;
    incident.requests = std::move(remains_->requests);
    incident.stacks = head(std::move(remains_->stacks), kMaxStacks);
    incident.log = tail(log_, kMaxLog);
    remains_.reset();
  }
  add(std::move(incident));
}

void IncidentLog::add(ports::Incident incident) {
  last_id_ = std::max(last_id_, incident.id);
  incidents_.push_back(std::move(incident));
  if (incidents_.size() > kMost) incidents_.pop_front();
}

void IncidentLog::save(ServiceState& state) const {
  state.last_incident = last_id_;
  state.incidents.assign(incidents_.begin(), incidents_.end());
}

void IncidentLog::restore(const ServiceState& state) {
  last_id_ = state.last_incident;
  for (const ports::Incident& incident : state.incidents) add(incident);
}

}  // namespace gserve::io
