// SPDX-License-Identifier: MIT
#include "supervisor/io/prometheus_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <map>
#include <string_view>
#include <utility>

#include "common/version.h"
#include "supervisor/core/names.h"

namespace gserve::io {
namespace {

using core::name_of;

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = std::initializer_list<Label>;

std::string number(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}
std::string number(std::integral auto value) {
  return std::to_string(value);
}

double seconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  template <typename Value>
  void sample(Labels labels, Value value, std::string_view suffix = "") {
    out_.append(name_).append(suffix);
    char before = '{';
    for (const Label& label : labels) {
      out_ += std::exchange(before, ',');
      out_.append(label.name).append("=\"");
      append_escaped(label.value);
      out_ += '"';
    }
    out_.append(before == '{' ? " " : "} ").append(number(value)).append("\n");
  }

  template <typename Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(name, type, help);
    sample({}, value);
  }

  std::string take() { return std::move(out_); }

 private:
  void append_escaped(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        out_ += "\\n";
        continue;
      }
      if (c == '\\' || c == '"') out_ += '\\';
      out_ += c;
    }
  }

  std::string out_;
  std::string_view name_;
};

/// Sums over the live workers of one pool.
struct Crowd {
  std::map<std::string, int> states;  // every state is there
  std::uint64_t in_flight = 0;
  std::uint64_t rss_bytes = 0;
};

Crowd crowd_of(const ports::StatusReport& status, const std::string& pool) {
  Crowd crowd;
  for (int i = 0; i <= static_cast<int>(core::WorkerState::killing); ++i)
    crowd.states[name_of(static_cast<core::WorkerState>(i))] = 0;
  crowd.states["spare"] = 0;
  for (const ports::WorkerReport& worker : status.workers) {
    if (worker.pool != pool) continue;
    ++crowd.states[worker.spare ? "spare" : name_of(worker.state)];
    crowd.in_flight += worker.in_flight;
    crowd.rss_bytes += worker.rss_bytes;
  }
  return crowd;
}

class Page {
 public:
  explicit Page(const ports::MetricsReport& report) : report_(report), status_(report.status) {
    for (const ports::PoolReport& pool : status_.pools) crowds_.push_back(crowd_of(status_, pool.name));
  }

  std::string write() {
    supervisor();
    workers();
    requests();
    durations();
    ends();
    queues();
    return text_.take();
  }

 private:
  /// One sample for each pool: of(its status, its metrics, its live workers).
  template <typename Of>
  void per_pool(std::string_view name, std::string_view type, std::string_view help, Of of) {
    text_.family(name, type, help);
    for (std::size_t i = 0; i < status_.pools.size(); ++i)
      text_.sample({{"pool", status_.pools[i].name}}, of(status_.pools[i], report_.pools[i], crowds_[i]));
  }

  void supervisor() {
    text_.family("gserve_build_info", "gauge", "Constant 1, labelled with the version.");
    text_.sample({{"version", kVersion}}, 1);
    text_.family("gserve_state", "gauge", "1 for the state that the supervisor is in.");
    for (int i = 0; i <= static_cast<int>(core::SupervisorState::stopping); ++i) {
      const auto state = static_cast<core::SupervisorState>(i);
      text_.sample({{"state", name_of(state)}}, status_.state == state ? 1 : 0);
    }
    text_.single("gserve_generation", "gauge", "Number of the generation that serves.", status_.generation);
    text_.single("gserve_incidents_total", "counter", "Incidents recorded.", status_.last_incident);
    text_.single("process_resident_memory_bytes", "gauge", "Resident memory of the supervisor.",
                 report_.process.rss_bytes);
    text_.single("process_cpu_seconds_total", "counter", "User and system CPU time of the supervisor.",
                 report_.process.cpu_seconds);
    text_.single("process_start_time_seconds", "gauge", "Start of the supervisor, in Unix time.",
                 report_.process.start_time);
  }

  void workers() {
    text_.family("gserve_workers", "gauge", "Worker processes by state.");
    for (std::size_t i = 0; i < crowds_.size(); ++i) {
      for (const auto& [state, count] : crowds_[i].states)
        text_.sample({{"pool", status_.pools[i].name}, {"state", state}}, count);
    }
    per_pool("gserve_workers_target", "gauge", "Worker processes wanted.",
             [](const auto& pool, const auto&, const auto&) { return pool.target; });
    per_pool("gserve_crash_looping", "gauge", "1 while workers keep dying and starts are delayed.",
             [](const auto& pool, const auto&, const auto&) { return pool.crash_looping ? 1 : 0; });
    per_pool("gserve_workers_resident_memory_bytes", "gauge", "Resident memory of all workers together.",
             [](const auto&, const auto&, const auto& crowd) { return crowd.rss_bytes; });
    per_pool("gserve_request_slots", "gauge", "Requests that the ready workers can run at once.",
             [](const auto&, const auto& metrics, const auto&) { return metrics.slots; });
    per_pool("gserve_busy_ratio", "gauge", "Share of the slots that run a request, from 0 to 1.",
             [](const auto&, const auto& metrics, const auto& crowd) {
               if (metrics.slots == 0) return 0.0;
               return std::min(1.0, static_cast<double>(crowd.in_flight) / metrics.slots);
             });
  }

  void requests() {
    per_pool("gserve_requests_in_flight", "gauge", "Requests that applications have begun and not answered.",
             [](const auto&, const auto&, const auto& crowd) { return crowd.in_flight; });
    per_pool("gserve_requests_total", "counter", "Requests that applications have answered.",
             [](const auto&, const auto& metrics, const auto&) { return metrics.counts.requests; });
    per_pool("gserve_request_errors_total", "counter", "Of these, those answered with a status of 5xx.",
             [](const auto&, const auto& metrics, const auto&) { return metrics.counts.errors; });
    per_pool("gserve_connections_total", "counter", "Connections accepted.",
             [](const auto&, const auto& metrics, const auto&) { return metrics.counts.connections; });
  }

  void durations() {
    text_.family("gserve_request_duration_seconds", "histogram",
                 "Time that applications took for a request, without waiting for the client.");
    for (std::size_t i = 0; i < status_.pools.size(); ++i)
      histogram(status_.pools[i].name, report_.pools[i].counts);
  }

  void histogram(const std::string& pool, const ports::RequestCounts& counts) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.durations.size(); ++i) {
      sum += counts.durations[i];
      const bool last = i == scoreboard::kDurationBounds.size();
      const std::string bound = last ? "+Inf" : number(seconds(scoreboard::kDurationBounds[i]));
      text_.sample({{"pool", pool}, {"le", bound}}, sum, "_bucket");
    }
    text_.sample({{"pool", pool}}, seconds(counts.duration_sum_ns), "_sum");
    text_.sample({{"pool", pool}}, sum, "_count");
  }

  void ends() {
    text_.single("gserve_worker_starts_total", "counter", "Worker processes that were started.",
                 status_.workers_started);
    text_.family("gserve_worker_exits_total", "counter", "Worker processes that have ended, by reason.");
    for (std::size_t i = 0; i < status_.pools.size(); ++i) {
      for (std::size_t reason = 0; reason < core::kExitReasons; ++reason) {
        text_.sample(
            {{"pool", status_.pools[i].name}, {"reason", name_of(static_cast<core::ExitReason>(reason))}},
            report_.pools[i].exits[reason]);
      }
    }
    text_.family("gserve_jobs_total", "counter",
                 "Reloads, roll-backs and other jobs that have ended, by result.");
    for (const core::JobKind kind :
         {core::JobKind::reload, core::JobKind::rollback, core::JobKind::refork, core::JobKind::scale,
          core::JobKind::upgrade, core::JobKind::restart, core::JobKind::worker_restart,
          core::JobKind::worker_kill, core::JobKind::reopen}) {
      for (const core::JobState result :
           {core::JobState::done, core::JobState::failed, core::JobState::superseded})
        text_.sample({{"kind", name_of(kind)}, {"result", name_of(result)}}, jobs(kind, result));
    }
  }

  std::uint64_t jobs(core::JobKind kind, core::JobState result) const {
    const auto found =
        std::find_if(report_.jobs.begin(), report_.jobs.end(),
                     [&](const core::JobCount& each) { return each.kind == kind && each.result == result; });
    return found == report_.jobs.end() ? 0 : found->count;
  }

  void queues() {
    text_.family("gserve_accept_queue_connections", "gauge", "Connections that wait to be accepted.");
    for (const ports::AcceptQueue& queue : report_.queues) {
      if (queue.waiting) text_.sample({{"listener", queue.address}}, *queue.waiting);
    }
  }

  const ports::MetricsReport& report_;
  const ports::StatusReport& status_;
  std::vector<Crowd> crowds_;
  Text text_;
};

}  // namespace

std::string prometheus_text(const ports::MetricsReport& report) {
  return Page(report).write();
}

}  // namespace gserve::io
