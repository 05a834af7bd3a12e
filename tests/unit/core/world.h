// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/core/supervisor.h"

namespace gserve::core::testing {

using namespace std::chrono_literals;

/// What a worker process would be, as far as the supervisor can tell.
struct FakeWorker {
  LaunchId launch;
  std::string pool;
  Generation generation;
  TimePoint started;
  LaunchId from = 0;
  bool spawned = false;
  bool late = false;   // the answer to Spawn took its time
  bool ready = false;  // it said READY=1 in time, and nothing has ended that
  bool was_ready = false;
  bool timed_out = false;  // the log says so of one of its requests
  bool stopping = false;   // it said STOPPING=1 without being told
  bool told = false;       // it was sent SIGTERM or SIGQUIT
  bool aborted = false;
  bool killed = false;
  bool resting = false;
  bool promoted = false;  // it was told to become a template
  bool put_down = false;  // an operator has had it killed
  TimePoint ended_at{};   // of the last signal
  std::optional<TimePoint> request_start{};
  std::optional<TimePoint> other_start{};  // of a second request, younger than the first
  std::uint64_t rss_bytes = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;

  bool ending() const { return stopping || told || aborted || killed; }
  bool boots() const { return spawned && !ready && !promoted && !ending(); }
  bool serves() const { return ready && !resting; }
};

/// What a template process would be.
struct FakeTemplate {
  std::string pool;
  Generation generation;
  TimePoint started;
  bool spawned = false;
  bool late = false;
  bool ready = false;
  bool told = false;
  bool aborted = false;
  bool killed = false;
  TimePoint ended_at{};  // of the last signal

  bool boots() const { return spawned && !ready && !ending(); }
  bool ending() const { return told || aborted || killed; }
};

/// A supervisor among fake workers, with a clock that the test moves. Carries out the actions as the shell
/// would, and checks on the way what must always hold (see check_*): `broken` is the first violation, empty
/// if there was none.
class World {
 public:
  explicit World(SupervisorConfig config = {}, std::uint64_t seed = 1);

  /// Handles `event` and everything that carrying out the actions causes.
  void send(const Event& event);
  /// Moves the clock, waking the supervisor exactly when it wants to be woken.
  void pass(Duration duration);

  void start() {
    send(Started{});
    if (watchdog > 0s) send(WatchdogSet{watchdog});
  }
  void start_ready();  // and all workers become ready
  void ready(LaunchId launch);
  void all_ready();  // all that start, and all that follow from that
  void stopping(LaunchId launch);
  void due(LaunchId launch) { send(WorkerDue{launch, "max_requests"}); }
  void change(LaunchId launch, std::string path, std::string stamp) {
    send(CodeChanged{launch, std::move(path), std::move(stamp)});
  }
  void exit(LaunchId launch, ExitStatus status = {});
  /// Workers that were asked of the template and are not there yet are not born any more.
  void exit_template(LaunchId launch, ExitStatus status);
  void kill(LaunchId launch) { exit(launch, {ExitStatus::Kind::signalled, SIGKILL}); }
  void all_told_exit();
  void stop(StopMode mode = StopMode::graceful);
  /// The configuration that the next reload finds; nothing: it is rejected for `rejection`.
  void reload(std::optional<SupervisorConfig> next);
  void rollback() { send(RollbackRequested{++requests, "test"}); }
  void refork() { send(ReforkRequested{++requests, "test"}); }
  void restart() { send(RestartRequested{++requests, "test"}); }
  void restart_worker(LaunchId launch) { send(WorkerRestartRequested{++requests, pid_of(launch), "test"}); }
  void kill_worker(LaunchId launch);
  void reopen() { send(ReopenLogsRequested{++requests, "test"}); }
  static Pid pid_of(LaunchId launch) { return static_cast<Pid>(1000 + launch); }
  void upgrade(std::string binary = "") { send(UpgradeRequested{++requests, std::move(binary), "test"}); }
  void scale(int count, bool relative = false, std::string pool = "");

  std::vector<LaunchId> launches(Generation generation = 0) const;
  const FakeWorker& worker(LaunchId launch) const { return workers.at(launch); }
  /// The only template of this generation, or the newest one of all; 0: none.
  LaunchId template_of(Generation generation) const;
  int count_ready(const std::string& pool, Generation generation = 0) const;
  int count_boots() const;
  /// Those that are to be replaced, as the status says.
  std::set<LaunchId> due_workers() const;
  /// By a job that may still fail.
  bool is_due_for_a_job(LaunchId launch) const;
  std::optional<JobView> last_job() const { return supervisor.job(jobs_accepted); }
  /// Actions of type T in `last`.
  template <typename T>
  std::vector<T> got() const {
    std::vector<T> found;
    for (const Action& action : last) {
      if (const T* it = std::get_if<T>(&action)) found.push_back(*it);
    }
    return found;
  }
  bool logged(LogLevel level, const std::string& part) const;
  Duration until_deadline() const { return *supervisor.next_deadline() - now; }

  TimePoint now = TimePoint{} + 1000s;
  Supervisor supervisor;
  std::map<LaunchId, FakeWorker> workers;      // alive
  std::map<LaunchId, FakeTemplate> templates;  // alive
  std::map<Generation, SupervisorConfig> configs;
  Actions last;  // of the last call of the test, all of them
  std::string broken;

  // How the world behaves.
  bool obedient = false;     // who is told to end ends at once
  bool eager = false;        // who is started is ready at once
  bool hold_spawns = false;  // Spawn is answered later, by release()
  bool hold_loads = false;   // LoadConfig is answered later, by release()
  bool fail_spawns = false;
  bool carried_off = false;       // each event is handled by another supervisor, restored from a snapshot
  std::string new_program_fault;  // what the check of an upgrade says
  bool execution_fails = false;
  Duration watchdog{};  // of the service manager: it wants to hear from us this often; 0: never
  std::function<Snapshot(const Snapshot&)> carry;  // how snapshots travel; none: as they are
  std::optional<SupervisorConfig> next_config;
  std::string rejection = "no such file";
  std::string reopen_failure;
  void release();

  RequestId requests = 0;  // each is answered
  JobId jobs_accepted = 0;
  std::set<JobId> jobs_running;
  int spawns = 0;
  std::optional<int> exit_code;

 private:
  void handle(const Event& event);
  /// Another supervisor goes on from the snapshot of this one, if there is one now.
  void replace_supervisor();
  void happen(const Event& event);  // to the fake workers
  void become_template(LaunchId launch);
  void apply(const Spawn& action);
  void apply(const SpawnTemplate& action);
  void apply(const SignalWorker& action);
  void apply(const Rest& action);
  void apply(const Serve& action);
  void apply(const Promote& action);
  void apply(const CopyConfig& action);
  void apply(const SampleScoreboard& action);
  void apply(const LoadConfig& action);
  void apply(const AdoptConfig& action);
  void apply(const ReopenLogs& action) { queue_.push_back(LogsReopened{action.job, reopen_failure}); }
  void apply(const CheckUpgrade& action);
  void apply(const Reexecute& action);
  void apply(const ForgetGeneration& action) { forgotten_.insert(action.generation); }
  void apply(const StopListening& action);
  void apply(const JobAccepted& action);
  void apply(const JobRefused& action);
  void apply(const JobProgress& action);
  void apply(const JobFinished& action);
  void apply(const Log& action);
  void apply(const RecordIncident& action);
  void apply(const NotifyWatchdog& /*action*/) { heard_ = now; }
  void apply(const Exit& action);
  template <typename Other>
  void apply(const Other& /*action*/) {}

  void claim(bool holds, const std::string& what);
  std::optional<bool> must_be_recorded(const Event& event) const;
  std::optional<bool> must_be_recorded(const FakeWorker& worker, const ExitStatus& status) const;
  std::optional<bool> must_be_recorded(const FakeTemplate& handle, const ExitStatus& status) const;
  void check_record(const Event& event, std::optional<bool> expected);
  void check_crowd(const std::string& pool);
  void check_need(const std::string& pool);
  void check_capacity(const std::string& pool);
  bool overdue(const FakeWorker& worker) const;
  void check_signal(const FakeWorker& worker, int signal);
  void signal_template(LaunchId launch, int signal);
  void check_signal(LaunchId launch, const FakeTemplate& handle, int signal);
  /// The answers to Spawn that will never come from this template.
  std::vector<Event> unborn_of(LaunchId launch);
  bool lacks_template() const;
  bool is_own(JobId job) const;
  void check_timers(bool after_wake_up);
  void check_watchdog();
  const PoolConfig& config_of(const std::string& pool, Generation generation) const;
  const PoolConfig& config_of(const FakeWorker& worker) const {
    return config_of(worker.pool, worker.generation);
  }

  std::deque<Event> queue_;
  std::deque<Event> held_;
  std::vector<RecordIncident> recorded_;  // in this event
  std::map<JobId, SupervisorConfig> loaded_;
  std::set<Generation> forgotten_;
  std::set<std::string> grown_;   // pools that a worker was started in, in this event
  std::set<std::string> shrunk_;  // pools that a ready worker was told to leave, in this event
  std::map<std::string, int> trial_workers_;
  Generation copied_to_ = 0;
  TimePoint heard_{};          // by the service manager
  LaunchId to_be_killed_ = 0;  // on an operator's order
  bool stopped_ = false;
  bool stop_requested_ = false;
  int quick_stops_ = 0;
};

SupervisorConfig one_pool(int workers);
SupervisorConfig preloaded(int workers);

}  // namespace gserve::core::testing
