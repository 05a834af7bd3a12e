// SPDX-License-Identifier: MIT
#include "ctl/wait_command.h"

#include <chrono>
#include <sstream>
#include <thread>

#include "ctl/exit_codes.h"
#include "ctl/process_watch.h"
#include "ctl/render.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// What an instance becomes is told to nobody who has no job there: so look again.
constexpr milliseconds kInterval{100};

const char* word(Goal goal) {
  switch (goal) {
    case Goal::running:
      return "running";
    case Goal::ready:
      return "ready";
    case Goal::stopped:
      return "stopped";
  }
  return "";
}

class Waiting {
 public:
  explicit Waiting(Session& session) : session_(session), goal_(session.arguments().goal) {}

  int run() {
    for (;;) {
      const std::vector<Instance> found = session_.find();
      if (found.size() > 1) return session_.report_several(found);
      if (found.empty() && !session_.closed_to_us().empty()) return session_.report_none();
      if (found.empty() ? absent() : reached(found.front())) return done();
      if (over()) return time_out();
      std::this_thread::sleep_for(kInterval);
    }
  }

 private:
  bool over() const { return session_.deadline() && Clock::now() >= *session_.deadline(); }

  bool absent() {
    seen_ = "no instance is running";
    return goal_ == Goal::stopped;
  }

  bool reached(const Instance& instance) {
    name_ = name_of(instance);
    return goal_ == Goal::stopped ? gone(instance) : serves(instance);
  }

  /// The process is watched; where it cannot be, it is looked for.
  bool gone(const Instance& instance) {
    seen_ = "it runs";
    const Result<Connection> connection = connect_to(instance.socket);
    if (const auto* failure = std::get_if<Failure>(&connection))
      return failure->kind == Failure::Kind::absent;
    const ProcessWatch process(std::get<Connection>(connection).pid);
    return process.can_see() && process.wait_gone(session_.deadline());
  }

  bool serves(const Instance& instance) {
    const Result<Status> answer = session_.ask(instance, kPatience, &BusClient::status);
    if (const auto* failure = std::get_if<Failure>(&answer)) {
      // What was cut short by the deadline says nothing new.
      if (seen_.empty() || failure->kind != Failure::Kind::no_answer) seen_ = failure->reason;
      return false;
    }
    const auto& status = std::get<Status>(answer);
    seen_ = "it is " + status.state + ", " + std::to_string(status.ready) + " of " +
            std::to_string(status.target) + " workers are ready";
    const bool up = status.state != "starting" && status.state != "stopping" && status.ready > 0;
    return up && (goal_ == Goal::running || status.ready >= status.target);
  }

  int done() {
    if (session_.arguments().json) {
      session_.out() << json_outcome({"wait", name_, "done", std::nullopt, ""});
    } else {
      session_.out() << render_progress((name_.empty() ? "the instance" : name_) + " is " + word(goal_));
    }
    return kExitDone;
  }

  int time_out() {
    std::ostringstream text;
    text << "timed out after " << session_.arguments().timeout.value_or(0) << " s, waiting for "
         << (name_.empty() ? "an instance" : name_) << " to be " << word(goal_) << ": " << seen_;
    return session_.fail(kExitFailed, text.str());
  }

  Session& session_;
  const Goal goal_;
  std::string name_ = session_.arguments().name;
  std::string seen_;
};

}  // namespace

int wait_for(Session& session) {
  return Waiting(session).run();
}

}  // namespace gserve::ctl
