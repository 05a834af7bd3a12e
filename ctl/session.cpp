// SPDX-License-Identifier: MIT
#include "ctl/session.h"

#include <utility>

#include "ctl/exit_codes.h"
#include "ctl/render.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string names_of(const std::vector<Instance>& instances) {
  std::string names;
  for (const Instance& instance : instances) names += (names.empty() ? "" : ", ") + instance.name;
  return names;
}

/// Whether a program that reads JSON waits for the outcome of an order.
bool owes_outcome(const Arguments& arguments) {
  return arguments.json && (makes_job(arguments.command) || arguments.command == Command::wait);
}

}  // namespace

Session::Session(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
                 std::ostream& err, const Terminal& terminal)
    : arguments_(arguments),
      roots_(roots),
      out_(out),
      err_(err),
      terminal_(terminal),
      exit_code_(kExitFailed) {
  if (arguments.timeout) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(std::min(*arguments.timeout, 1e8)));
  }
}

int Session::fail(int code, const std::string& reason) const {
  if (owes_outcome(arguments_)) {
    out_ << json_outcome({name_of(arguments_.command), arguments_.name, "failed", std::nullopt, reason});
  }
  err_ << "gservectl: " << render_progress(reason);
  return code;
}

int Session::code_of(const Failure& failure) {
  return failure.kind == Failure::Kind::absent ? kExitNoInstance : kExitFailed;
}

std::vector<Instance> Session::find() {
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

std::string Session::closed_to_us() const {
  return names_of(discovery_.closed);
}

std::optional<Instance> Session::choose() {
  const std::vector<Instance> found = find();
  if (found.size() == 1) return found.front();
  exit_code_ = found.empty() ? report_none() : report_several(found);
  return std::nullopt;
}

int Session::report_none() const {
  if (!discovery_.closed.empty()) {
    return fail(kExitFailed, "you may not control " + closed_to_us() +
                                 ": only root and the instance's own user may (try sudo)");
  }
  const std::string which =
      arguments_.name.empty() ? "no instance" : "no instance \"" + arguments_.name + "\"";
  std::string where;
  for (const std::string& root : roots_) where += (where.empty() ? "" : " and ") + root;
  return fail(kExitNoInstance, which + " is running (looked in " + where + ")");
}

int Session::report_several(const std::vector<Instance>& found) const {
  if (!arguments_.name.empty()) {
    std::string sockets;
    for (const Instance& instance : found) sockets += (sockets.empty() ? "" : ", ") + instance.socket;
    return fail(kExitUsage, "several instances are named \"" + arguments_.name +
                                "\": choose one with --socket: " + sockets);
  }
  return fail(kExitUsage, "several instances are running: choose one with -n: " + names_of(found));
}

milliseconds Session::patience(milliseconds most) const {
  if (!deadline_) return most;
  const auto left = std::chrono::ceil<milliseconds>(*deadline_ - Clock::now());
  return std::clamp(left, milliseconds(1), most);
}

Result<std::unique_ptr<BusClient>> Session::open(const Instance& instance, milliseconds most,
                                                 pid_t* pid) const {
  auto opened = open_once(instance, most, pid);
  const auto* failure = std::get_if<Failure>(&opened);
  if (failure == nullptr || failure->kind != Failure::Kind::lost) return opened;
  return open_once(instance, most, pid);
}

Result<std::unique_ptr<BusClient>> Session::open_once(const Instance& instance, milliseconds most,
                                                      pid_t* pid) const {
  Result<Connection> connected = connect_to(instance.socket);
  if (auto* failure = std::get_if<Failure>(&connected)) return std::move(*failure);
  if (pid != nullptr) *pid = std::get<Connection>(connected).pid;
  return BusClient::open(std::get<Connection>(std::move(connected)), patience(most));
}

std::string name_of(const Instance& instance) {
  return instance.name.empty() ? instance.socket : instance.name;
}

}  // namespace gserve::ctl
