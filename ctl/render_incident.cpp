// SPDX-License-Identifier: MIT
#include <ctime>

#include "ctl/render.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace gserve::ctl {
namespace {

std::string local_time(std::uint64_t usec, const char* format) {
  const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
  std::tm time{};
  localtime_r(&seconds, &time);
  char text[40];
  std::strftime(text, sizeof text, format, &time);
  return text;
}

/// "worker 4242"; "worker" of one that could not be started.
std::string process_of(const IncidentSummary& summary) {
  return line(summary.process) + (summary.pid == 0 ? "" : " " + std::to_string(summary.pid));
}

std::string render_summary(const IncidentSummary& summary) {
  std::string text = "incident " + std::to_string(summary.id) + ": " + line(summary.kind) + "\n";
  text += row("Time", render_time(summary.time_usec));
  text += row("Process", process_of(summary) + " (launch " + std::to_string(summary.launch) + ")");
  text += row("Pool", line(summary.pool));
  text += row("Generation", std::to_string(summary.generation));
  return text + row("Reason", line(summary.reason));
}

std::string render_requests(const Incident& incident) {
  if (incident.in_flight == 0 && incident.requests.empty()) return "\nNo request was in flight.\n";
  std::string text = "\nRequests in flight: " + std::to_string(incident.in_flight) + "\n";
  for (const RequestInFlight& request : incident.requests) {
    text += "  " + line(request.line) + " (" + render_duration(request.age_usec) + ")\n";
  }
  if (incident.in_flight > incident.requests.size()) {
    text +=
        "  and " + std::to_string(incident.in_flight - incident.requests.size()) + " that are not known\n";
  }
  return text;
}

std::string render_section(const char* title, const std::string& text, const char* without) {
  if (text.empty()) return without;
  std::string body = printable(text, true);
  while (!body.empty() && body.back() == '\n') body.pop_back();
  return std::string("\n") + title + ":\n" + body + "\n";
}

}  // namespace

std::string render_incidents(const std::vector<IncidentSummary>& incidents) {
  if (incidents.empty()) return "no incident is on record\n";
  Table table({{"ID", Align::right},
               {"TIME", Align::left},
               {"KIND", Align::left},
               {"PROCESS", Align::left},
               {"POOL", Align::left},
               {"GEN", Align::right},
               {"REASON", Align::left}});
  for (const IncidentSummary& summary : incidents) {
    table.add({std::to_string(summary.id), local_time(summary.time_usec, "%Y-%m-%d %H:%M:%S"),
               line(summary.kind), process_of(summary), line(summary.pool),
               std::to_string(summary.generation), line(summary.reason)});
  }
  return table.text();
}

std::string render_incident(const Incident& incident) {
  return render_summary(incident.summary) + render_section("Error of the application", incident.details, "") +
         render_requests(incident) + render_section("Stacks", incident.stacks, "\nNo stacks were left.\n") +
         render_section("Last lines of the log", incident.log, "");
}

std::string render_time(std::uint64_t usec) {
  return local_time(usec, "%Y-%m-%d %H:%M:%S %z");
}

}  // namespace gserve::ctl
