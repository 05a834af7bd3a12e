// SPDX-License-Identifier: MIT
#include "ctl/commands.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "ctl/bus_client.h"
#include "ctl/discovery.h"
#include "ctl/exit_codes.h"
#include "ctl/job_command.h"
#include "ctl/process_watch.h"
#include "ctl/render.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The supervisor never blocks: an answer that takes this long will not come.
constexpr milliseconds kPatience{10'000};
constexpr milliseconds kListPatience{2'000};
constexpr milliseconds kAfterUpgrade{5'000};  // the gap is a few milliseconds

std::string names_of(const std::vector<Instance>& instances) {
  std::string names;
  for (const Instance& instance : instances) names += (names.empty() ? "" : ", ") + instance.name;
  return names;
}

/// Everything one invocation works with.
class Invocation {
 public:
  Invocation(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
             std::ostream& err)
      : arguments_(arguments), roots_(roots), out_(out), err_(err) {
    if (arguments.timeout) {
      deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(std::min(*arguments.timeout, 1e8)));
    }
  }

  int run() {
    if (arguments_.command == Command::list) return list();
    const std::optional<Instance> instance = choose();
    if (!instance) return choice_failure_;
    switch (arguments_.command) {
      case Command::status:
        return show(ask(*instance, kPatience, &BusClient::status), json_status, render_status);
      case Command::incidents:
        return incidents(*instance);
      default:
        return job(*instance);
    }
  }

 private:
  bool makes_job() const {
    const Command command = arguments_.command;
    return command != Command::list && command != Command::status && command != Command::incidents;
  }

  int fail(int code, const std::string& reason) {
    if (arguments_.json && makes_job()) {
      out_ << json_outcome({name_of(arguments_.command), arguments_.name, "failed", std::nullopt, reason});
    }
    err_ << "gservectl: " << render_progress(reason);
    return code;
  }

  static int code_of(const Failure& failure) {
    return failure.kind == Failure::Kind::absent ? kExitNoInstance : kExitFailed;
  }

  std::vector<Instance> candidates() {
    if (!arguments_.socket.empty()) return {{arguments_.name, arguments_.socket}};
    discovery_ = discover(roots_);
    std::vector<Instance> live = discovery_.live;
    if (!arguments_.name.empty()) {
      const auto other = [&](const Instance& instance) { return instance.name != arguments_.name; };
      std::erase_if(live, other);
      std::erase_if(discovery_.closed, other);
    }
    return live;
  }

  /// The one instance that is meant; otherwise says why there is none.
  std::optional<Instance> choose() {
    const std::vector<Instance> found = candidates();
    if (found.size() == 1) return found.front();
    choice_failure_ = found.empty() ? report_none() : report_several(found);
    return std::nullopt;
  }

  int report_none() {
    if (!discovery_.closed.empty()) {
      return fail(kExitFailed, "you may not control " + names_of(discovery_.closed) +
                                   ": only root and the instance's own user may (try sudo)");
    }
    const std::string which =
        arguments_.name.empty() ? "no instance" : "no instance \"" + arguments_.name + "\"";
    std::string where;
    for (const std::string& root : roots_) where += (where.empty() ? "" : " and ") + root;
    return fail(kExitNoInstance, which + " is running (looked in " + where + ")");
  }

  int report_several(const std::vector<Instance>& found) {
    if (!arguments_.name.empty()) {
      std::string sockets;
      for (const Instance& instance : found) sockets += (sockets.empty() ? "" : ", ") + instance.socket;
      return fail(kExitUsage, "several instances are named \"" + arguments_.name +
                                  "\": choose one with --socket: " + sockets);
    }
    return fail(kExitUsage, "several instances are running: choose one with -n: " + names_of(found));
  }

  milliseconds patience(milliseconds most) const {
    if (!deadline_) return most;
    const auto left = std::chrono::ceil<milliseconds>(*deadline_ - Clock::now());
    return std::clamp(left, milliseconds(1), most);
  }

  /// A connection that ends before anything was asked is made again: an upgrade may have ended it.
  Result<std::unique_ptr<BusClient>> open(const Instance& instance, milliseconds most,
                                          pid_t* pid = nullptr) const {
    auto opened = open_once(instance, most, pid);
    const auto* failure = std::get_if<Failure>(&opened);
    if (failure == nullptr || failure->kind != Failure::Kind::lost) return opened;
    return open_once(instance, most, pid);
  }

  Result<std::unique_ptr<BusClient>> open_once(const Instance& instance, milliseconds most,
                                               pid_t* pid) const {
    Result<Connection> connected = connect_to(instance.socket);
    if (auto* failure = std::get_if<Failure>(&connected)) return std::move(*failure);
    if (pid != nullptr) *pid = std::get<Connection>(connected).pid;
    return BusClient::open(std::get<Connection>(std::move(connected)), patience(most));
  }

  /// The answer to a question, asked again when the connection ends meanwhile.
  template <typename T, typename... Parameters>
  Result<T> ask(const Instance& instance, milliseconds most, Result<T> (BusClient::*question)(Parameters...),
                Parameters... parameters) const {
    Result<T> answer = ask_once(instance, most, question, parameters...);
    const auto* failure = std::get_if<Failure>(&answer);
    if (failure == nullptr || failure->kind != Failure::Kind::lost) return answer;
    return ask_once(instance, most, question, parameters...);
  }

  template <typename T, typename... Parameters>
  Result<T> ask_once(const Instance& instance, milliseconds most,
                     Result<T> (BusClient::*question)(Parameters...), Parameters... parameters) const {
    auto client = open(instance, most);
    if (auto* failure = std::get_if<Failure>(&client)) return std::move(*failure);
    return (*std::get<std::unique_ptr<BusClient>>(client).*question)(parameters...);
  }

  template <typename T>
  int show(const Result<T>& answer, std::string (*json)(const T&), std::string (*render)(const T&)) {
    if (const auto* failure = std::get_if<Failure>(&answer)) return fail(code_of(*failure), failure->reason);
    out_ << (arguments_.json ? json : render)(std::get<T>(answer));
    return kExitDone;
  }

  int incidents(const Instance& instance) {
    if (arguments_.incident == 0) {
      return show(ask(instance, kPatience, &BusClient::incidents), json_incidents, render_incidents);
    }
    return show(ask(instance, kPatience, &BusClient::incident, arguments_.incident), json_incident,
                render_incident);
  }

  int list() {
    const std::vector<Instance> found = candidates();
    if (found.empty() && !arguments_.name.empty()) return report_none();
    std::vector<Listed> listed;
    int code = kExitDone;
    for (const Instance& instance : found) {
      Result<Status> answer = ask(instance, kListPatience, &BusClient::status);
      if (const auto* failure = std::get_if<Failure>(&answer)) {
        code = fail(code_of(*failure), instance.name + (instance.name.empty() ? "" : ": ") + failure->reason);
      } else {
        listed.push_back({instance, std::get<Status>(std::move(answer))});
      }
    }
    print_list(listed, code);
    return code;
  }

  void print_list(const std::vector<Listed>& listed, int code) {
    if (!discovery_.closed.empty()) {
      err_ << "gservectl: not shown, another user's: " << names_of(discovery_.closed) << "\n";
    }
    if (arguments_.json) {
      out_ << json_list(listed);
    } else if (!listed.empty()) {
      out_ << render_list(listed);
    } else if (code == kExitDone) {
      err_ << "gservectl: no instance is running\n";
    }
  }

  int job(const Instance& instance) {
    pid_t pid = 0;
    auto opened = open(instance, kPatience, &pid);
    if (const auto* failure = std::get_if<Failure>(&opened)) return fail(code_of(*failure), failure->reason);
    std::ostream& progress = arguments_.json ? err_ : out_;
    JobCommand command(
        arguments_, std::get<std::unique_ptr<BusClient>>(std::move(opened)), pid, deadline_,
        [&] { return open(instance, kAfterUpgrade); },
        [&](std::string_view text) { progress << render_progress(text) << std::flush; });
    return conclude(command.run(instance.name.empty() ? instance.socket : instance.name));
  }

  int conclude(const Outcome& outcome) {
    const bool good = outcome.result == "done" || outcome.result == "running";
    if (arguments_.json) {
      out_ << json_outcome(outcome);
    } else if (good) {
      out_ << render_outcome(outcome);
    }
    if (!good) err_ << "gservectl: " << render_outcome(outcome);
    return good ? kExitDone : kExitFailed;
  }

  const Arguments& arguments_;
  const std::vector<std::string>& roots_;
  std::ostream& out_;
  std::ostream& err_;
  Deadline deadline_;
  Discovery discovery_;
  int choice_failure_ = kExitFailed;
};

}  // namespace

int run_command(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
                std::ostream& err) {
  return Invocation(arguments, roots, out, err).run();
}

}  // namespace gserve::ctl
