// SPDX-License-Identifier: MIT
#include "ctl/commands.h"

#include <chrono>
#include <memory>
#include <utility>

#include "ctl/exit_codes.h"
#include "ctl/job_command.h"
#include "ctl/job_display.h"
#include "ctl/logs_command.h"
#include "ctl/render.h"
#include "ctl/session.h"
#include "ctl/top_command.h"
#include "ctl/wait_command.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kListPatience{2'000};
constexpr milliseconds kAfterUpgrade{5'000};  // the gap is a few milliseconds

template <typename T>
int show(Session& session, const Result<T>& answer, std::string (*json)(const T&),
         std::string (*render)(const T&)) {
  if (const auto* failure = std::get_if<Failure>(&answer)) return session.fail(*failure);
  session.out() << (session.arguments().json ? json : render)(std::get<T>(answer));
  return kExitDone;
}

int incidents(Session& session, const Instance& instance) {
  const std::uint64_t id = session.arguments().incident;
  if (id == 0) {
    return show(session, session.ask(instance, kPatience, &BusClient::incidents), json_incidents,
                render_incidents);
  }
  return show(session, session.ask(instance, kPatience, &BusClient::incident, id), json_incident,
              render_incident);
}

void print_list(Session& session, const std::vector<Listed>& listed, int code) {
  if (const std::string closed = session.closed_to_us(); !closed.empty()) {
    session.err() << "gservectl: not shown, another user's: " << closed << "\n";
  }
  if (session.arguments().json) {
    session.out() << json_list(listed);
  } else if (!listed.empty()) {
    session.out() << render_list(listed);
  } else if (code == kExitDone) {
    session.err() << "gservectl: no instance is running\n";
  }
}

int list(Session& session) {
  const std::vector<Instance> found = session.find();
  if (found.empty() && !session.arguments().name.empty()) return session.report_none();
  std::vector<Listed> listed;
  int code = kExitDone;
  for (const Instance& instance : found) {
    Result<Status> answer = session.ask(instance, kListPatience, &BusClient::status);
    if (const auto* failure = std::get_if<Failure>(&answer)) {
      const std::string who = instance.name.empty() ? "" : instance.name + ": ";
      code = session.fail(Session::code_of(*failure), who + failure->reason);
    } else {
      listed.push_back({instance, std::get<Status>(std::move(answer))});
    }
  }
  print_list(session, listed, code);
  return code;
}

int conclude(Session& session, const Outcome& outcome) {
  const bool good = outcome.result == "done" || outcome.result == "running";
  if (session.arguments().json) {
    session.out() << json_outcome(outcome);
  } else if (good) {
    session.out() << render_outcome(outcome);
  }
  if (!good) session.err() << "gservectl: " << render_outcome(outcome);
  return good ? kExitDone : kExitFailed;
}

int job(Session& session, const Instance& instance) {
  pid_t pid = 0;
  auto opened = session.open(instance, kPatience, &pid);
  if (const auto* failure = std::get_if<Failure>(&opened)) return session.fail(*failure);
  const bool json = session.arguments().json;
  JobDisplay display(json ? session.err() : session.out(), json ? Terminal() : session.terminal());
  JobCommand command(
      session.arguments(), std::get<std::unique_ptr<BusClient>>(std::move(opened)), pid, session.deadline(),
      [&] { return session.open(instance, kAfterUpgrade); }, display);
  const Outcome outcome = command.run(name_of(instance));
  display.end();
  return conclude(session, outcome);
}

int answer(Session& session, const Instance& instance) {
  switch (session.arguments().command) {
    case Command::status:
      return show(session, session.ask(instance, kPatience, &BusClient::status), json_status, render_status);
    case Command::incidents:
      return incidents(session, instance);
    case Command::config:
      return show(session, session.ask(instance, kPatience, &BusClient::config), json_config, render_config);
    case Command::logs:
      return show_logs(session, instance);
    case Command::top:
      return show_top(session, instance);
    default:
      return job(session, instance);
  }
}

}  // namespace

int run_command(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
                std::ostream& err, const Terminal& terminal) {
  Session session(arguments, roots, out, err, terminal);
  if (arguments.command == Command::list) return list(session);
  if (arguments.command == Command::wait) return wait_for(session);
  const std::optional<Instance> instance = session.choose();
  return instance ? answer(session, *instance) : session.exit_code();
}

}  // namespace gserve::ctl
