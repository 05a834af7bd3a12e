// SPDX-License-Identifier: MIT
#include "ctl/render.h"

#include <algorithm>
#include <cstdio>

#include "ctl/table.h"
#include "ctl/text.h"

namespace gserve::ctl {
namespace {

std::string two_units(std::uint64_t big, const char* big_unit, std::uint64_t small, const char* small_unit) {
  return std::to_string(big) + " " + big_unit + " " + std::to_string(small) + " " + small_unit;
}

std::string workers_of(const Status& status) {
  return std::to_string(status.ready) + "/" + std::to_string(status.target);
}

/// "pool web, 7 workers have failed, last: killed by SIGSEGV; next start in 12 s"
std::string crash_loop_of(const PoolStatus& pool) {
  std::string text = "pool " + line(pool.name) + ", " + std::to_string(pool.failures) +
                     " workers have failed, last: " + line(pool.last_failure);
  if (pool.next_start_usec > 0) text += "; next start in " + render_duration(pool.next_start_usec);
  return text;
}

/// "ready", or "ready, due: memory" for a worker that is to be replaced.
std::string state_of(const WorkerStatus& worker) {
  return line(worker.state) + (worker.due.empty() ? "" : ", due: " + line(worker.due));
}

/// "2", or "2, on test for another 40 s"
std::string generation_of(const Status& status) {
  std::string text = std::to_string(status.generation);
  if (status.bake_usec > 0) text += ", on test for another " + render_duration(status.bake_usec);
  return text;
}

std::string render_header(const Status& status) {
  std::string text = line(status.name) + " - gserve " + line(status.version) + "\n";
  text += row("State", line(status.state) + ", " + std::to_string(status.ready) + " of " +
                           std::to_string(status.target) + " workers ready");
  text += row("Main PID", std::to_string(status.pid));
  text += row("Uptime", render_duration(status.uptime_usec));
  text += row("Generation", generation_of(status));
  if (!status.rolled_back.empty()) text += row("Rolled back", line(status.rolled_back));
  for (const std::string& listener : status.listeners) text += row("Listening", line(listener));
  if (status.last_incident > 0) {
    const std::string id = std::to_string(status.last_incident);
    text += row("Incidents", id + " so far, the last: gservectl incidents " + id);
  }
  for (const PoolStatus& pool : status.pools) {
    if (pool.state == "crash-looping") text += row("Crash loop", crash_loop_of(pool));
  }
  return text;
}

/// The oldest running request, and for how long it has been running.
std::string request_of(const WorkerStatus& worker) {
  if (worker.request.empty()) return "";
  return line(worker.request) + " (" + render_duration(worker.request_age_usec) + ")";
}

std::string render_workers(const std::vector<WorkerStatus>& workers) {
  Table table({{"PID", Align::right},
               {"POOL", Align::left},
               {"STATE", Align::left},
               {"GEN", Align::right},
               {"AGE", Align::right},
               {"REQUESTS", Align::right},
               {"RSS", Align::right},
               {"RUNNING", Align::right},
               {"OLDEST REQUEST", Align::left}});
  for (const WorkerStatus& worker : workers) {
    table.add({std::to_string(worker.pid), line(worker.pool), state_of(worker),
               std::to_string(worker.generation), render_duration(worker.age_usec),
               std::to_string(worker.requests), render_bytes(worker.rss_bytes),
               std::to_string(worker.in_flight), request_of(worker)});
  }
  return table.text();
}

std::string render_templates(const std::vector<TemplateStatus>& templates) {
  Table table({{"TEMPLATE", Align::right},
               {"POOL", Align::left},
               {"STATE", Align::left},
               {"GEN", Align::right},
               {"AGE", Align::right},
               {"RSS", Align::right}});
  for (const TemplateStatus& status : templates) {
    table.add({std::to_string(status.pid), line(status.pool), line(status.state),
               std::to_string(status.generation), render_duration(status.age_usec),
               render_bytes(status.rss_bytes)});
  }
  return table.text();
}

std::string reason_of(const Outcome& outcome) {
  std::string reason = printable(outcome.reason, true);
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return reason;
}

std::string job_of(const Outcome& outcome) {
  return outcome.job ? " (job " + std::to_string(*outcome.job) + ")" : std::string();
}

}  // namespace

std::string render_status(const Status& status) {
  std::string text = render_header(status);
  if (!status.templates.empty()) text += "\n" + render_templates(status.templates);
  if (!status.workers.empty()) text += "\n" + render_workers(status.workers);
  return text;
}

std::string render_list(const std::vector<Listed>& instances) {
  Table table({{"NAME", Align::left},
               {"PID", Align::right},
               {"STATE", Align::left},
               {"READY", Align::right},
               {"UPTIME", Align::right},
               {"LISTENING", Align::left}});
  for (const auto& [instance, status] : instances) {
    std::string listeners;
    for (const std::string& listener : status.listeners)
      listeners += (listeners.empty() ? "" : " ") + line(listener);
    table.add({line(instance.name.empty() ? status.name : instance.name), std::to_string(status.pid),
               line(status.state), workers_of(status), render_duration(status.uptime_usec), listeners});
  }
  return table.text();
}

std::string render_config(const std::vector<SettingInForce>& settings) {
  std::size_t width = 0;
  for (const SettingInForce& setting : settings) width = std::max(width, setting.name.size());
  std::string text;
  for (const SettingInForce& setting : settings) {
    text += setting.name + std::string(width - setting.name.size(), ' ') + " = " + line(setting.value) +
            "  # " + line(setting.origin) + "\n";
  }
  return text;
}

std::string render_outcome(const Outcome& outcome) {
  if (outcome.result == "running") return "job " + std::to_string(outcome.job.value_or(0)) + "\n";
  const std::string what = outcome.command + " of " + line(outcome.instance);
  if (outcome.result == "done") {
    return outcome.command == "stop" ? line(outcome.instance) + " stopped\n" : what + " done\n";
  }
  if (outcome.result == "superseded") {
    const std::string reason = reason_of(outcome);
    return what + job_of(outcome) + " was superseded" + (reason.empty() ? "" : ": " + reason) + "\n";
  }
  const char* verb = outcome.result == "unknown" ? ": " : " failed: ";
  return what + verb + (outcome.reason.empty() ? "no reason given" : reason_of(outcome)) + "\n";
}

std::string render_progress(std::string_view text) {
  return printable(text, true) + "\n";
}

std::string render_duration(std::uint64_t usec) {
  const std::uint64_t seconds = usec / 1'000'000;
  if (seconds < 1) return std::to_string(usec / 1000) + " ms";
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return two_units(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two_units(seconds / 3600, "h", seconds / 60 % 60, "min");
  return two_units(seconds / 86400, "d", seconds / 3600 % 24, "h");
}

std::string render_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace gserve::ctl
