// SPDX-License-Identifier: MIT
#include "ctl/logs_command.h"

#include <systemd/sd-login.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "ctl/exit_codes.h"
#include "ctl/log_tail.h"
#include "ctl/render.h"

namespace gserve::ctl {
namespace {

/// "--unit=gserve@shop.service", or the process alone where no unit is known.
std::string selection(const Status& status) {
  const auto pid = static_cast<pid_t>(status.pid);
  char* unit = nullptr;
  const bool of_user = sd_pid_get_user_unit(pid, &unit) >= 0;
  if (!of_user && sd_pid_get_unit(pid, &unit) < 0) return "_PID=" + std::to_string(pid);
  const std::unique_ptr<char, decltype(&std::free)> owned(unit, &std::free);
  return std::string(of_user ? "--user-unit=" : "--unit=") + unit;
}

/// Only returns when it fails.
int run_journalctl(Session& session, const Status& status) {
  const Arguments& arguments = session.arguments();
  std::vector<std::string> line{"journalctl", "--quiet", "--lines=" + std::to_string(arguments.lines)};
  if (arguments.follow) line.emplace_back("--follow");
  if (arguments.json) line.emplace_back("--output=json");
  line.push_back(selection(status));
  std::vector<char*> argv;
  for (std::string& word : line) argv.push_back(word.data());
  argv.push_back(nullptr);
  session.out().flush();
  execvp(argv.front(), argv.data());
  return session.fail(kExitFailed, "cannot run journalctl, which has the log of " + status.name + ": " +
                                       std::generic_category().message(errno));
}

void print(Session& session, std::string_view text) {
  session.out() << (session.arguments().json ? json_log_line(text) : render_progress(text)) << std::flush;
}

int show_file(Session& session, const Status& status) {
  LogTail tail(status.log_path);
  const auto each = [&](std::string_view text) {
    print(session, text);
    return static_cast<bool>(session.out());
  };
  std::string wrong = tail.last(session.arguments().lines, each);
  if (wrong.empty() && session.arguments().follow) wrong = tail.follow(session.deadline(), each);
  return wrong.empty() ? kExitDone : session.fail(kExitFailed, wrong);
}

std::string elsewhere(const Status& status) {
  std::string where = "goes to a " + status.log_kind;
  if (!status.log_path.empty()) where += " (" + status.log_path + ")";
  if (status.log_kind == "none") where = "is thrown away (/dev/null)";
  if (status.log_kind == "other") where = "goes to something that is no file";
  return "the error log of " + status.name + " " + where +
         ", where it cannot be read again: --error-logfile gives it a file";
}

}  // namespace

int show_logs(Session& session, const Instance& instance) {
  const Result<Status> answer = session.ask(instance, kPatience, &BusClient::status);
  if (const auto* failure = std::get_if<Failure>(&answer)) return session.fail(*failure);
  const auto& status = std::get<Status>(answer);
  if (status.log_kind == "journal") return run_journalctl(session, status);
  if (status.log_kind == "file") return show_file(session, status);
  return session.fail(kExitFailed, elsewhere(status));
}

}  // namespace gserve::ctl
