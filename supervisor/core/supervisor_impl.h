// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "supervisor/core/bake.h"
#include "supervisor/core/code_changes.h"
#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/reload.h"
#include "supervisor/core/request_watch.h"
#include "supervisor/core/scale.h"
#include "supervisor/core/shutdown.h"
#include "supervisor/core/supervisor.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/upgrade.h"
#include "supervisor/core/watchdog.h"
#include "supervisor/core/worker_end.h"
#include "supervisor/core/worker_jobs.h"
#include "supervisor/core/workforce.h"

/// The brain behind supervisor.h: one handler for each event, over parts that each keep one matter
/// (workforce, jobs, reload, bake, scale, worker jobs, shutdown, upgrade, request watch, watchdog). Its
/// functions stand in
///
///   supervisor.cpp             requests, and what workers say
///   supervisor_departures.cpp  why a worker or template has ended, and what follows
///   supervisor_limits.cpp      requests and states that last too long
///   supervisor_views.cpp       status, what the service manager is told, and the state as plain data
namespace gserve::core {

constexpr Generation kFirstGeneration = 1;
// A worker that leaves by its own decision sooner than this after READY is counted as a failure: it might be
// a loop.
constexpr Duration kUsefulLife = std::chrono::seconds(1);

class Supervisor::Impl {
 public:
  Impl(const SupervisorConfig& config, std::uint64_t seed)
      : Impl(std::in_place, config, kFirstGeneration, seed) {}
  explicit Impl(const Snapshot& snapshot) : Impl(std::in_place, snapshot) { restore(snapshot); }

  Actions handle(const Event& event, TimePoint now) {
    if (shutdown_.finished()) return {};
    now_ = now;
    jobs_.prune(now);
    std::visit([this](const auto& e) { on(e); }, event);
    if (!shutdown_.running() && !reload_.running() && !bake_.until()) workforce_.end_bake(now_);
    shutdown_.finished() ? watchdog_.set(Duration::zero(), now_) : tell_manager();
    return outbox_.take();
  }

  std::optional<TimePoint> next_deadline() const { return timers_.next(); }
  std::optional<JobView> job(JobId id) const { return jobs_.find(id); }
  StatusView status() const;
  std::optional<Snapshot> snapshot() const;

 private:
  /// `origin`: what the workforce is made of.
  template <typename... Origin>
  explicit Impl(std::in_place_t, const Origin&... origin)
      : workforce_(origin..., timers_, outbox_),
        watch_(workforce_, timers_, outbox_),
        jobs_(outbox_),
        reload_(workforce_, jobs_, outbox_),
        bake_(workforce_, timers_, outbox_),
        scale_(workforce_, jobs_, outbox_),
        worker_jobs_(workforce_, jobs_, outbox_),
        shutdown_(workforce_, timers_, jobs_, outbox_),
        upgrade_(timers_, jobs_, outbox_),
        watchdog_(timers_, outbox_),
        exits_(workforce_.pools().size()) {}

  /// What the manager's status line tells; compared before it is put into words.
  struct Standing {
    bool stopping = false;
    std::size_t left = 0;
    int ready = 0;
    int target = 0;
    Generation generation = 0;
    bool looping = false;
    bool operator==(const Standing&) const = default;
    std::string text() const;
  };

  void on(const Started& event);
  void on(const WatchdogSet& event);
  void on(const WorkerSpawned& event);
  void on(const WorkerSpawnFailed& event);
  void on(const WorkerReady& event);
  void on(const WorkerStopping& event);
  void on(const WorkerDue& event);
  void on(const CodeChanged& event);
  void on(const WorkerBootError& event);
  void on(const WorkerExited& event);
  void on(const ScoreboardSampled& event);
  void on(const ConfigLoaded& event);
  void on(const ConfigRejected& event);
  void on(const StopRequested& event);
  void on(const ReloadRequested& event);
  void on(const RollbackRequested& event);
  void on(const ReforkRequested& event);
  void on(const RestartRequested& event);
  void on(const WorkerRestartRequested& event);
  void on(const WorkerKillRequested& event);
  void on(const ScaleRequested& event);
  void on(const UpgradeRequested& event);
  void on(const UpgradeChecked& event);
  void on(const Reexecuted& event);
  void on(const ReopenLogsRequested& event);
  void on(const LogsReopened& event);
  void on(const TimePassed& event);

  TemplateHandle* find_template(LaunchId launch) { return workforce_.templates().find(launch); }
  void on_limit(WorkerHandle& worker);
  void on_drain_limit(WorkerHandle& worker);
  void log_overdue(WorkerHandle& worker, const ScoreboardSampled& sample, const std::string& what_now);
  void abort_overdue(WorkerHandle& worker, const ScoreboardSampled& sample);
  void replace_overdue(WorkerHandle& worker, const ScoreboardSampled& sample);
  void become_due(WorkerHandle& worker, const std::string& reason, const std::string& details);
  std::optional<IncidentKind> incident_of(const WorkerEnd& end) const;
  void record(const WorkerHandle& gone, const WorkerEnd& end);
  void record(const TemplateFailure& failure);
  void account_for(const WorkerHandle& gone, const WorkerEnd& end);
  void settle(WorkerHandle& gone, const WorkerEnd& end);
  void settle_boot_failure(WorkerHandle& gone, const WorkerEnd& end);
  void crashed(const WorkerHandle& gone, const WorkerEnd& end);
  void boot_failed(const WorkerHandle& worker, const std::string& reason);
  void template_gone(std::size_t pool, Generation generation, const std::optional<TemplateFailure>& failure);
  void template_failed(const TemplateFailure& failure);
  void give_up(int code);
  void log_unexpected(const WorkerHandle& worker, const std::string& text, Duration delay);
  void after_departure(std::size_t pool, Generation generation);
  void follow_up(std::size_t pool);
  void advance_reload();
  void roll_back(const RollbackRequested& request, const std::string& why);
  void tell_reloading();
  void judge();
  void close();
  void end_jobs(const std::string& reason);
  SupervisorState state() const;
  std::vector<ExitRecord> exit_records() const;
  Standing standing() const;
  void tell_manager();
  void restore(const Snapshot& snapshot);

  TimePoint now_{};
  Outbox outbox_;
  TimerQueue timers_;
  Workforce workforce_;
  RequestWatch watch_;
  JobTable jobs_;
  Reload reload_;
  Bake bake_;
  Scale scale_;
  WorkerJobs worker_jobs_;
  Shutdown shutdown_;
  Upgrade upgrade_;
  CodeChanges changes_;
  Watchdog watchdog_;
  std::vector<ExitCounts> exits_;  // by pool
  bool ever_ready_ = false;
  // What the service manager was told last.
  bool told_ready_ = false;
  bool told_reloading_ = false;
  Standing told_standing_;
};

}  // namespace gserve::core
