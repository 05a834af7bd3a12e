// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/core/actions.h"
#include "supervisor/core/types.h"

/// The calls of the master's hooks, which the *hook process* makes, one after the other.
///
///   none      there is no process: none was needed yet, or the last one has ended; the next is started when a
///             delay has passed (1 s doubling to 30 s, none after one that has worked for a while)
///   starting  it reads the configuration; starting limit -> killing
///   ready     the first call of the queue, if any, is with it; limit of the call -> killing
///   killing   SIGKILL was sent; exit -> none
///
/// A call is over when the hook has returned or raised, when the process has ended under it, or when its limit
/// has passed; who waits for it goes on either way. The limit holds while the call is with the process, and, for the
/// first one, while there is no process; one that starts has its own limit, and fails the first call if it ends. Once it was needed the process is kept, for what hooks have started there.
namespace gserve::core {

/// One call. `name` is gunicorn's, or kConfigure.
struct HookCall {
  std::string name;
  Generation generation = 0;
  LaunchId launch = 0;  // the worker that it is about; 0: none
  Pid pid = 0;
  std::uint64_t age = 0;
  int target = 0;               // workers that should be ready
  std::optional<int> before{};  // nworkers_changed: what it was
  Duration limit{};             // 0: none
};
/// Take up the configuration of a generation, in place of a hook.
inline constexpr char kConfigure[] = "configure";

/// Answer: on_ready, on_start_failed or on_exit.
struct StartHookProcess {};
/// Answer: on_answer, or on_exit.
struct SendHookCall {
  std::uint64_t id;
  HookCall call;
};
/// Answer: on_exit.
struct KillHookProcess {};
/// To whoever has asked for the call.
struct HookOver {
  HookCall call;
  bool well;  // it has returned
};
using HookAction = std::variant<StartHookProcess, SendHookCall, KillHookProcess, HookOver, Log>;
using HookActions = std::vector<HookAction>;

class HookQueue {
 public:
  enum class State { none, starting, ready, killing };

  /// How long the process may read the configuration; 0: no limit.
  void set_starting_limit(Duration limit) { starting_limit_ = limit; }
  /// A process of another program in this process goes on, and nothing is asked of it.
  void take_over(std::uint64_t last_id, TimePoint now);
  std::uint64_t last_id() const { return last_id_; }

  HookActions call(HookCall call, TimePoint now);
  /// There is to be a process, whether something is asked of it or not.
  HookActions want(TimePoint now);
  HookActions on_ready(TimePoint now);
  HookActions on_start_failed(const std::string& reason, TimePoint now);
  /// `well`: it has not raised. Answers to other calls than the present one are ignored.
  HookActions on_answer(std::uint64_t id, bool well, TimePoint now);
  HookActions on_exit(const ExitStatus& status, TimePoint now);
  /// A deadline has passed, or none.
  HookActions on_due(TimePoint now);
  /// No process is started any more, and every call is over.
  HookActions close();

  State state() const { return state_; }
  std::optional<TimePoint> next_deadline() const;
  /// Some call is not over.
  bool waiting() const { return !calls_.empty(); }
  /// None is, and no process is about to start or to end.
  bool idle() const;

 private:
  void advance(TimePoint now);
  void start(TimePoint now);
  void arm(TimePoint now);
  void kill();
  void end_first(bool well, TimePoint now);
  void ended(TimePoint now);
  void log(LogLevel level, std::string text);
  HookActions take();

  State state_ = State::none;
  std::deque<HookCall> calls_;
  bool sent_ = false;  // the first one is with the process
  std::uint64_t last_id_ = 0;
  bool wanted_ = false;
  bool closed_ = false;
  bool was_ready_ = false;  // the process
  Duration starting_limit_{};
  TimePoint began_{};                  // the process
  TimePoint gate_{};                   // no process is started before
  int failures_ = 0;                   // processes in a row that did not work for a while
  std::optional<TimePoint> call_due_;  // of the first call, where its limit holds
  std::optional<TimePoint> start_due_;
  HookActions actions_;
};

}  // namespace gserve::core
