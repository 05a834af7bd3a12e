// SPDX-License-Identifier: MIT
#include "ctl/top_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "ctl/render.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace gserve::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kKeys[] = "q quit   + - scale   r reload   up down w restart worker";
constexpr std::size_t kBelow = 3;  // an empty line, the message, the keys

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

std::string percent(double share) {
  return number(share * 100) + " %";
}

/// "0.8 ms", "120 ms", "2.5 s"
std::string latency(double seconds) {
  return seconds < 1 ? number(seconds * 1000) + " ms" : number(seconds) + " s";
}

template <typename T, typename Render>
std::string known(const std::optional<T>& value, Render render) {
  return value ? render(*value) : "-";
}

std::vector<std::string> header(const TopFrame& frame) {
  const Status& status = frame.status;
  return {line(status.name) + " - " + line(status.state) + ", " + std::to_string(status.ready) + " of " +
              std::to_string(status.target) + " workers ready, generation " +
              std::to_string(status.generation) + ", up " + render_duration(status.uptime_usec),
          number(frame.rate) + " requests/s   " + number(frame.error_rate) + " errors/s   busy " +
              percent(frame.busy) + "   CPU " + percent(frame.cpu) + "   workers started " +
              std::to_string(status.workers_started) + "   incidents " + std::to_string(status.last_incident),
          "latency p50 " + known(frame.p50, latency) + "   p95 " + known(frame.p95, latency) + "   p99 " +
              known(frame.p99, latency),
          ""};
}

std::string request_of(const WorkerStatus& worker) {
  if (worker.request.empty()) return "";
  return line(worker.request) + " (" + render_duration(worker.request_age_usec) + ")";
}

/// The titles first.
std::vector<std::string> table(const TopFrame& frame) {
  Table table({{"PID", Align::right},
               {"STATE", Align::left},
               {"GEN", Align::right},
               {"AGE", Align::right},
               {"REQ/S", Align::right},
               {"P95", Align::right},
               {"BUSY", Align::right},
               {"CPU", Align::right},
               {"PSS", Align::right},
               {"RSS", Align::right},
               {"RUNNING", Align::right},
               {"OLDEST REQUEST", Align::left}});
  for (const TopRow& row : frame.rows) {
    const WorkerStatus& worker = row.worker;
    table.add({std::to_string(worker.pid), line(worker.state), std::to_string(worker.generation),
               render_duration(worker.age_usec), known(row.rate, number), known(row.p95, latency),
               percent(row.busy), known(row.cpu, percent), known(row.pss_bytes, render_bytes),
               render_bytes(worker.rss_bytes), std::to_string(worker.in_flight), request_of(worker)});
  }
  std::vector<std::string> lines;
  std::istringstream text(table.text());
  for (std::string each; std::getline(text, each);) lines.push_back(each);
  return lines;
}

std::string cut(const std::string& text, const Terminal& terminal) {
  return text.substr(0, terminal.columns);
}

Json known_json(const std::optional<double>& value) {
  return value ? Json(std::round(*value * 1e6) / 1e6) : Json(nullptr);
}

Json row_json(const TopRow& row) {
  const WorkerStatus& worker = row.worker;
  return {{"pid", worker.pid},
          {"state", worker.state},
          {"generation", worker.generation},
          {"age_s", static_cast<double>(worker.age_usec / 1000) / 1000},
          {"requests", worker.requests},
          {"rate", known_json(row.rate)},
          {"error_rate", known_json(row.error_rate)},
          {"p95_s", known_json(row.p95)},
          {"busy", known_json(row.busy)},
          {"cpu", known_json(row.cpu)},
          {"pss_bytes", row.pss_bytes ? Json(*row.pss_bytes) : Json(nullptr)},
          {"rss_bytes", worker.rss_bytes},
          {"in_flight", worker.in_flight},
          {"request", worker.request},
          {"request_age_s", static_cast<double>(worker.request_age_usec / 1000) / 1000}};
}

}  // namespace

std::string render_top(const TopFrame& frame) {
  std::string text;
  for (const std::string& each : header(frame)) text += each + "\n";
  for (const std::string& each : table(frame)) text += each + "\n";
  return text;
}

std::string render_top_screen(const TopFrame& frame, std::size_t chosen, const std::string& message,
                              const Terminal& terminal) {
  constexpr char kEndOfLine[] = "\x1b[K\r\n";
  std::string text = "\x1b[H";
  std::vector<std::string> lines = header(frame);
  lines.front() = in(Color::bold, cut(lines.front(), terminal), terminal);
  for (std::size_t i = 1; i < lines.size(); ++i) lines[i] = cut(lines[i], terminal);
  const std::vector<std::string> rows = table(frame);
  const std::size_t room =
      terminal.rows > lines.size() + 1 + kBelow ? terminal.rows - lines.size() - 1 - kBelow : 1;
  const std::size_t count = rows.size() - 1;
  // The one that is chosen is always seen.
  const std::size_t first = chosen >= room ? chosen - room + 1 : 0;
  lines.push_back(in(Color::dim, cut(rows.front(), terminal), terminal));
  for (std::size_t i = first; i < std::min(count, first + room); ++i) {
    std::string row = cut(rows[i + 1], terminal);
    lines.push_back(i == chosen ? "\x1b[7m" + row + "\x1b[0m" : row);
  }
  for (const std::string& each : lines) text += each + kEndOfLine;
  const std::string more = count > room ? std::to_string(count - room) + " workers more" : "";
  text += more + kEndOfLine + cut(line(message), terminal) + kEndOfLine;
  return text + in(Color::dim, cut(kKeys, terminal), terminal) + "\x1b[K\x1b[J";
}

std::string json_top(const TopFrame& frame) {
  Json workers = Json::array();
  for (const TopRow& row : frame.rows) workers.push_back(row_json(row));
  const Status& status = frame.status;
  const Json json = {{"name", status.name},
                     {"state", status.state},
                     {"generation", status.generation},
                     {"target", status.target},
                     {"ready", status.ready},
                     {"uptime_s", static_cast<double>(status.uptime_usec / 1000) / 1000},
                     {"workers_started", status.workers_started},
                     {"last_incident", status.last_incident},
                     {"rate", known_json(frame.rate)},
                     {"error_rate", known_json(frame.error_rate)},
                     {"p50_s", known_json(frame.p50)},
                     {"p95_s", known_json(frame.p95)},
                     {"p99_s", known_json(frame.p99)},
                     {"busy", known_json(frame.busy)},
                     {"cpu", known_json(frame.cpu)},
                     {"workers", workers}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gserve::ctl
