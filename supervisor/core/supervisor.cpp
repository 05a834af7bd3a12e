// SPDX-License-Identifier: MIT
#include "supervisor/core/supervisor.h"

#include <algorithm>
#include <csignal>

#include "supervisor/core/job_table.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/reload.h"
#include "supervisor/core/request_watch.h"
#include "supervisor/core/scale.h"
#include "supervisor/core/shutdown.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/upgrade.h"
#include "supervisor/core/worker_end.h"
#include "supervisor/core/workforce.h"

namespace gserve::core {
namespace {

constexpr Generation kFirstGeneration = 1;
// A worker that leaves by its own decision sooner than this after READY is counted as a failure: it might be
// a loop.
constexpr Duration kUsefulLife = std::chrono::seconds(1);

/// The code with which a first boot that ended like this ends the program; 0 if it is worth another try.
int hopeless_code(const WorkerHandle& worker, const ExitStatus& status) {
  if (const int code = boot_exit_code(status)) return code;
  return missed_boot(worker) ? kExitBootFailed : 0;
}

bool is_clean(const ExitStatus& status) {
  return status == ExitStatus{};
}

std::string exit_text(const ExitStatus& status) {
  if (status.kind == ExitStatus::Kind::exited) return "worker " + describe(status);
  return "worker exited: " + describe(status);
}

}  // namespace

class Supervisor::Impl {
 public:
  Impl(const SupervisorConfig& config, std::uint64_t seed)
      : workforce_(config, kFirstGeneration, seed, timers_, outbox_),
        watch_(workforce_, timers_, outbox_),
        jobs_(outbox_),
        reload_(workforce_, jobs_, outbox_),
        scale_(workforce_, jobs_, outbox_),
        shutdown_(workforce_, timers_, jobs_, outbox_),
        upgrade_(timers_, jobs_, outbox_) {}

  explicit Impl(const Snapshot& snapshot)
      : workforce_(snapshot, timers_, outbox_),
        watch_(workforce_, timers_, outbox_),
        jobs_(outbox_),
        reload_(workforce_, jobs_, outbox_),
        scale_(workforce_, jobs_, outbox_),
        shutdown_(workforce_, timers_, jobs_, outbox_),
        upgrade_(timers_, jobs_, outbox_) {
    restore(snapshot);
  }

  Actions handle(const Event& event, TimePoint now) {
    if (shutdown_.finished()) return {};
    now_ = now;
    jobs_.prune(now);
    std::visit([this](const auto& e) { on(e); }, event);
    if (!shutdown_.finished()) tell_manager();
    return outbox_.take();
  }

  std::optional<TimePoint> next_deadline() const { return timers_.next(); }
  std::optional<JobView> job(JobId id) const { return jobs_.find(id); }
  StatusView status() const;
  std::optional<Snapshot> snapshot() const;

 private:
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
  void on(const WorkerSpawned& event);
  void on(const WorkerSpawnFailed& event);
  void on(const WorkerReady& event);
  void on(const WorkerStopping& event);
  void on(const WorkerDue& event);
  void on(const WorkerBootError& event);
  void on(const WorkerExited& event);
  void on(const ScoreboardSampled& event);
  void on(const ConfigLoaded& event);
  void on(const ConfigRejected& event);
  void on(const StopRequested& event);
  void on(const ReloadRequested& event);
  void on(const ScaleRequested& event);
  void on(const UpgradeRequested& event);
  void on(const UpgradeChecked& event);
  void on(const Reexecuted& event);
  void on(const ReopenLogsRequested& event);
  void on(const TimePassed& event);

  TemplateHandle* find_template(LaunchId launch) { return workforce_.templates().find(launch); }
  void on_limit(WorkerHandle& worker);
  void on_drain_limit(WorkerHandle& worker);
  void log_overdue(const WorkerHandle& worker, const ScoreboardSampled& sample, const std::string& what_now);
  void abort_overdue(WorkerHandle& worker, const ScoreboardSampled& sample);
  void replace_overdue(WorkerHandle& worker, const ScoreboardSampled& sample);
  void become_due(WorkerHandle& worker, const std::string& reason, const std::string& details);
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
  void close();
  void end_jobs(const std::string& reason);
  SupervisorState state() const;
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
  Scale scale_;
  Shutdown shutdown_;
  Upgrade upgrade_;
  bool ever_ready_ = false;
  // What the service manager was told last.
  bool told_ready_ = false;
  bool told_reloading_ = false;
  Standing told_standing_;
};

void Supervisor::Impl::on(const Started& /*event*/) {
  if (shutdown_.running() || !workforce_.empty()) return;
  Duration longest{};
  for (const WorkerPool& pool : workforce_.pools()) {
    outbox_.log(LogLevel::info,
                workforce_.label(pool) + "starting " + std::to_string(pool.target()) + " workers");
    const int boots = pool.current_config().preload ? 2 : 1;  // the template's and the workers'
    longest = std::max(longest, pool.current_config().boot_timeout * boots);
  }
  outbox_.push(NotifyExtendTimeout{longest + std::chrono::seconds(5)});
  workforce_.reconcile_all(now_);
}

void Supervisor::Impl::on(const WorkerSpawned& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    return workforce_.templates().on_spawned(*handle, event.pid);
  }
  if (WorkerHandle* worker = workforce_.find(event.launch)) workforce_.on_spawned(*worker, event.pid);
}

void Supervisor::Impl::on(const WorkerSpawnFailed& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    const auto [pool, generation] = std::pair(handle->pool, handle->generation);
    return template_gone(pool, generation,
                         workforce_.templates().on_spawn_failed(*handle, event.reason, now_));
  }
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr) return;
  WorkerHandle gone = workforce_.take(*worker);
  const WorkerEnd end = stillborn(event.reason);
  if (gone.retired) {
    outbox_.log(LogLevel::info, workforce_.label(gone) + end.reason + "; it was not wanted any more", gone);
  } else {
    log_unexpected(gone, end.reason, workforce_.blame(gone, Backoff::Failure::boot, end.summary, now_));
    boot_failed(gone, end.reason);
  }
  after_departure(gone.pool, gone.generation);
}

void Supervisor::Impl::on(const WorkerReady& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    workforce_.templates().on_ready(*handle, now_);
    return follow_up(handle->pool);
  }
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || worker->state() != WorkerState::starting) return;
  workforce_.on_ready(*worker, now_);
  watch_.on_ready(*worker, now_);
  ever_ready_ = true;
  outbox_.log(LogLevel::info, workforce_.label(*worker) + "worker ready", *worker);
  follow_up(worker->pool);
}

void Supervisor::Impl::on(const WorkerStopping& event) {
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || worker->state() > WorkerState::ready) return;
  outbox_.log(LogLevel::info, workforce_.label(*worker) + "worker drains by itself", *worker);
  if (!worker->was_ready()) {
    workforce_.blame(*worker, Backoff::Failure::boot, "left by itself before it was ready", now_);
  } else if (worker->served(now_) < kUsefulLife) {
    workforce_.blame(*worker, Backoff::Failure::crash, "left by itself as soon as it was ready", now_);
  }
  workforce_.on_leaving(*worker, now_);
  watch_.on_gone();
  follow_up(worker->pool);
}

void Supervisor::Impl::on(const WorkerDue& event) {
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker != nullptr && !event.reason.empty()) become_due(*worker, event.reason, "it says so");
}

/// It is replaced by a fresh one first and told to drain then; see worker_pool.h.
void Supervisor::Impl::become_due(WorkerHandle& worker, const std::string& reason,
                                  const std::string& details) {
  if (worker.state() > WorkerState::ready || !worker.due.empty()) return;
  outbox_.log(LogLevel::info,
              workforce_.label(worker) + "worker is due for replacement: " + reason + " (" + details + ')',
              worker);
  workforce_.set_due(worker, reason);
  follow_up(worker.pool);
}

void Supervisor::Impl::on(const WorkerBootError& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    return workforce_.templates().on_boot_error(*handle, event.reason);
  }
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || worker->was_ready()) return;
  worker->boot_error = event.reason;
  outbox_.log(LogLevel::error, workforce_.label(*worker) + "worker failed to boot: " + event.reason, *worker);
}

void Supervisor::Impl::on(const WorkerExited& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    const auto [pool, generation] = std::pair(handle->pool, handle->generation);
    return template_gone(pool, generation, workforce_.templates().on_exited(*handle, event.status, now_));
  }
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr) return;
  WorkerHandle gone = workforce_.take(*worker);
  settle(gone, end_of(gone, event.status));
  after_departure(gone.pool, gone.generation);
}

void Supervisor::Impl::template_gone(std::size_t pool, Generation generation,
                                     const std::optional<TemplateFailure>& failure) {
  if (failure) template_failed(*failure);
  after_departure(pool, generation);
}

void Supervisor::Impl::template_failed(const TemplateFailure& failure) {
  if (reload_.tries(failure.generation)) {
    return failure.booted ? reload_.on_crash(failure.reason, now_)
                          : reload_.on_boot_failure(failure.reason, now_);
  }
  if (failure.hopeless != 0 && !ever_ready_ && !shutdown_.running()) return give_up(failure.hopeless);
  if (!failure.booted) scale_.on_boot_failure(failure.pool, failure.launch, failure.reason, now_);
}

void Supervisor::Impl::after_departure(std::size_t pool, Generation generation) {
  workforce_.forget_if_unused(generation, now_);
  watch_.on_gone();
  if (shutdown_.ending()) {
    shutdown_.advance(now_);
  } else {
    follow_up(pool);
  }
}

void Supervisor::Impl::settle(WorkerHandle& gone, const WorkerEnd& end) {
  const std::string line = workforce_.label(gone) + exit_text(end.status);
  switch (end.departure) {
    case Departure::boot_failure:
      return settle_boot_failure(gone, end);
    case Departure::crash:
      log_unexpected(gone, exit_text(end.status),
                     workforce_.blame(gone, Backoff::Failure::crash, end.summary, now_));
      return crashed(gone, end);
    case Departure::overdue:
      outbox_.log(LogLevel::warning, line + " after its timeout", gone);
      if (gone.served(now_) < kUsefulLife) workforce_.blame(gone, Backoff::Failure::crash, end.summary, now_);
      return crashed(gone, end);
    case Departure::by_itself:
      if (gone.blamed) crashed(gone, end);
      [[fallthrough]];
    case Departure::told:
      if (is_clean(end.status))
        return outbox_.log(LogLevel::info, workforce_.label(gone) + "worker exited: drained", gone);
      return outbox_.log(LogLevel::warning, line + " while draining", gone);
  }
}

void Supervisor::Impl::crashed(const WorkerHandle& gone, const WorkerEnd& end) {
  if (reload_.tries(gone.generation)) {
    reload_.on_crash(end.reason, now_);
  } else {
    scale_.on_crash(gone, end.reason, now_);
  }
}

void Supervisor::Impl::settle_boot_failure(WorkerHandle& gone, const WorkerEnd& end) {
  const Duration delay = workforce_.blame(gone, Backoff::Failure::boot, end.summary, now_);
  const int code = hopeless_code(gone, end.status);
  if (code == 0 || ever_ready_ || shutdown_.running() || reload_.tries(gone.generation)) {
    log_unexpected(gone, exit_text(end.status) + " before it was ready", delay);
    return boot_failed(gone, end.reason);
  }
  log_unexpected(gone, exit_text(end.status) + " before it was ready", Duration::zero());
  give_up(code);
}

void Supervisor::Impl::give_up(int code) {
  outbox_.log(LogLevel::critical, "no worker could boot; ending with code " + std::to_string(code));
  close();
  end_jobs("the service could not start");
  shutdown_.give_up(code, now_);
}

void Supervisor::Impl::boot_failed(const WorkerHandle& worker, const std::string& reason) {
  if (reload_.tries(worker.generation)) {
    reload_.on_boot_failure(reason, now_);
  } else {
    scale_.on_boot_failure(worker.pool, worker.launch, reason, now_);
  }
}

void Supervisor::Impl::log_unexpected(const WorkerHandle& worker, const std::string& text, Duration delay) {
  std::string line = workforce_.label(worker) + text;
  if (delay > Duration::zero()) line += "; the next one starts in " + describe(delay);
  if (!worker.was_ready() && workforce_.pools()[worker.pool].replacing()) {
    line += "; the worker that is due for replacement goes on";
  }
  outbox_.log(LogLevel::error, std::move(line), worker);
}

void Supervisor::Impl::on(const ScoreboardSampled& event) {
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || shutdown_.ending()) return;
  const bool drains = worker->state() == WorkerState::draining && worker->overdue_since;
  if (worker->state() != WorkerState::ready && !drains) return;
  switch (watch_.on_sample(*worker, event, now_)) {
    case RequestWatch::Finding::overdue:
      return abort_overdue(*worker, event);
    case RequestWatch::Finding::mixed:
      return replace_overdue(*worker, event);
    case RequestWatch::Finding::fine:
      if (drains) return watch_.look_again(*worker, now_);
      worker->overdue_since.reset();
      if (RequestWatch::outgrown(*worker, event)) {
        become_due(*worker, "memory",
                   describe_bytes(event.rss_bytes) + " are resident, the limit is " +
                       describe_bytes(worker->max_memory));
      }
  }
}

void Supervisor::Impl::log_overdue(const WorkerHandle& worker, const ScoreboardSampled& sample,
                                   const std::string& what_now) {
  outbox_.log(LogLevel::critical,
              workforce_.label(worker) + "WORKER TIMEOUT (pid:" + std::to_string(worker.pid) + "): \"" +
                  sample.request_line + "\" has run for " + describe(now_ - *sample.oldest_start) +
                  " (timeout " + describe(worker.timeout) + ')' + what_now,
              worker);
}

void Supervisor::Impl::abort_overdue(WorkerHandle& worker, const ScoreboardSampled& sample) {
  log_overdue(worker, sample, "");
  workforce_.abort(worker, now_);
  watch_.on_gone();
  follow_up(worker.pool);
}

/// One request is overdue, others are not: they shall have their time.
void Supervisor::Impl::replace_overdue(WorkerHandle& worker, const ScoreboardSampled& sample) {
  watch_.look_again(worker, now_);
  if (!worker.overdue_since) {
    worker.overdue_since = now_;
    log_overdue(worker, sample,
                "; other requests in flight: " + std::to_string(sample.in_flight - 1) +
                    "; it is replaced first, then drained");
    return become_due(worker, "timeout", "a request is overdue");
  }
  const bool patient = now_ - *worker.overdue_since < worker.graceful_timeout;
  if (worker.state() == WorkerState::draining || patient) return;
  outbox_.log(LogLevel::warning,
              workforce_.label(worker) + "no replacement was ready within " +
                  describe(worker.graceful_timeout) + "; worker with an overdue request told to drain",
              worker);
  workforce_.retire(worker, SIGTERM, worker.graceful_timeout, now_);
  watch_.on_gone();
  follow_up(worker.pool);
}

void Supervisor::Impl::on(const ConfigLoaded& event) {
  reload_.on_loaded(event, now_);
}
void Supervisor::Impl::on(const ConfigRejected& event) {
  reload_.on_rejected(event, now_);
}

void Supervisor::Impl::on(const StopRequested& event) {
  if (shutdown_.ends_by(event, now_)) close();
  if (!shutdown_.running()) end_jobs("the supervisor stops");
  shutdown_.on_request(event, now_);
}

/// From here on workers only leave.
void Supervisor::Impl::close() {
  workforce_.close();
  watch_.close();
}

void Supervisor::Impl::end_jobs(const std::string& reason) {
  upgrade_.cancel(reason, now_);
  reload_.cancel(JobState::failed, reason, now_);
  scale_.cancel_all(reason, now_);
}

void Supervisor::Impl::on(const ReloadRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot reload: the supervisor stops");
  if (told_ready_ && !told_reloading_) outbox_.push(NotifyReloading{});
  told_reloading_ = told_ready_;
  upgrade_.cancel("a reload was requested meanwhile; try again when it is done", now_);
  reload_.begin(event, now_);
}

void Supervisor::Impl::on(const ScaleRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot scale: the supervisor stops");
  scale_.begin(event, now_);
  reload_.advance(now_);
  scale_.advance_all(now_);
}

void Supervisor::Impl::on(const UpgradeRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot upgrade: the supervisor stops");
  if (reload_.running()) {
    return jobs_.refuse(event.request, "cannot upgrade: a reload is under way; try again when it is done");
  }
  upgrade_.begin(event, now_);
}

void Supervisor::Impl::on(const UpgradeChecked& event) {
  upgrade_.on_checked(event, now_);
  if (!upgrade_.executing() || !told_ready_ || told_reloading_) return;
  outbox_.push(NotifyReloading{});
  told_reloading_ = true;
}

void Supervisor::Impl::on(const Reexecuted& event) {
  upgrade_.on_reexecuted(event, now_);
}

void Supervisor::Impl::on(const ReopenLogsRequested& event) {
  outbox_.push(ReopenLogs{});
  outbox_.log(LogLevel::info, "log files reopened, requested by " + event.by);
}

void Supervisor::Impl::on(const TimePassed& /*event*/) {
  while (const auto owner = timers_.pop_due(now_)) {
    switch (owner->kind) {
      case TimerOwner::Kind::worker:
        on_limit(*workforce_.find(owner->id));
        break;
      case TimerOwner::Kind::template_process:
        workforce_.templates().on_due(*find_template(owner->id), now_);
        break;
      case TimerOwner::Kind::pool:
        workforce_.reconcile(workforce_.pools()[owner->id], now_);
        break;
      case TimerOwner::Kind::calm:
        workforce_.forgive(workforce_.pools()[owner->id]);
        break;
      case TimerOwner::Kind::watch:
        watch_.on_due(now_);
        break;
      case TimerOwner::Kind::look:
        outbox_.push(SampleScoreboard{owner->id});
        break;
      case TimerOwner::Kind::upgrade:
        upgrade_.on_due(now_);
        break;
      case TimerOwner::Kind::stop:
        close();
        shutdown_.on_due(now_);
        break;
    }
  }
}

void Supervisor::Impl::on_limit(WorkerHandle& worker) {
  if (worker.pid == 0 && worker.from != 0) workforce_.templates().on_stuck(worker.from, now_);
  const std::string label = workforce_.label(worker);
  if (worker.state() == WorkerState::ready) {
    return become_due(worker, "lifetime", "it has served for " + describe(worker.max_lifetime));
  }
  if (worker.state() == WorkerState::starting) {
    outbox_.log(
        LogLevel::error,
        label + "worker not ready within " + describe(worker.boot_timeout) + " (boot_timeout); aborting it",
        worker);
    return workforce_.abort(worker, now_);
  }
  if (worker.state() == WorkerState::draining) return on_drain_limit(worker);
  outbox_.log(LogLevel::warning, label + "worker survived SIGABRT; killing it", worker);
  workforce_.kill(worker, now_);
}

/// What an overdue request was doing is worth another second.
void Supervisor::Impl::on_drain_limit(WorkerHandle& worker) {
  const bool overdue = worker.overdue_since && !shutdown_.ending();
  outbox_.log(LogLevel::warning,
              workforce_.label(worker) + "worker has not drained within " + describe(worker.drain_limit) +
                  (overdue ? "; aborting it" : "; killing it"),
              worker);
  overdue ? workforce_.abort(worker, now_) : workforce_.kill(worker, now_);
}

void Supervisor::Impl::follow_up(std::size_t pool) {
  if (shutdown_.ending()) return;
  workforce_.reconcile(workforce_.pools()[pool], now_);
  reload_.advance(now_);
  scale_.advance_all(now_);
}

SupervisorState Supervisor::Impl::state() const {
  if (shutdown_.running()) return SupervisorState::stopping;
  if (reload_.running()) return SupervisorState::reloading;
  return ever_ready_ ? SupervisorState::running : SupervisorState::starting;
}

Supervisor::Impl::Standing Supervisor::Impl::standing() const {
  if (shutdown_.running()) return {true, workforce_.size(), 0, 0, 0, false};
  const auto& pools = workforce_.pools();
  const bool looping = std::any_of(pools.begin(), pools.end(),
                                   [](const WorkerPool& pool) { return pool.current().backoff.looping(); });
  return {false, 0, workforce_.ready(), workforce_.target(), reload_.generation(), looping};
}

std::string Supervisor::Impl::Standing::text() const {
  if (stopping) return "stopping, " + std::to_string(left) + " workers left";
  return std::to_string(ready) + "/" + std::to_string(target) + " workers ready, generation " +
         std::to_string(generation) + (looping ? ", crash-looping" : "");
}

void Supervisor::Impl::tell_manager() {
  const Standing standing_now = standing();
  const bool reload_over = told_reloading_ && !reload_.running() && !upgrade_.executing();
  if (!shutdown_.running() && ever_ready_ && (!told_ready_ || reload_over)) {
    outbox_.push(NotifyReady{standing_now.text()});
    told_ready_ = true;
    told_reloading_ = false;
  } else if (standing_now != told_standing_) {
    outbox_.push(NotifyStatus{standing_now.text()});
  }
  told_standing_ = standing_now;
}

StatusView Supervisor::Impl::status() const {
  StatusView view{state(), reload_.generation(), workforce_.target(), workforce_.ready(), {}, {}, {}};
  for (const WorkerHandle* worker : workforce_.in_order()) {
    view.workers.push_back({worker->launch, worker->pid, workforce_.pools()[worker->pool].name(),
                            worker->state(), worker->generation, worker->started, worker->due});
  }
  for (const WorkerPool& pool : workforce_.pools()) {
    const Cohort& current = pool.current();
    view.pools.push_back({pool.name(), pool.target(), pool.ready(), current.backoff.looping(),
                          current.backoff.failures(), current.last_failure, workforce_.next_start(pool)});
  }
  for (const auto& [launch, handle] : workforce_.templates().all()) {
    view.templates.push_back({launch, handle.pid, workforce_.pools()[handle.pool].name(), handle.state(),
                              handle.generation, handle.started});
  }
  return view;
}

std::optional<Snapshot> Supervisor::Impl::snapshot() const {
  if (shutdown_.running() || reload_.running()) return std::nullopt;
  Snapshot snapshot;
  snapshot.generation = reload_.generation();
  snapshot.newest = reload_.newest();
  workforce_.fill_in(snapshot);
  snapshot.ever_ready = ever_ready_;
  snapshot.told_ready = told_ready_;
  snapshot.told_reloading = told_reloading_;
  snapshot.next_job = jobs_.next();
  snapshot.jobs = jobs_.records();
  snapshot.scales = scale_.records();
  snapshot.upgrade = upgrade_.record();
  for (const auto& [when, owner] : timers_.all()) snapshot.timers.push_back({owner, when});
  return snapshot;
}

void Supervisor::Impl::restore(const Snapshot& snapshot) {
  reload_.restore(snapshot.generation, snapshot.newest);
  ever_ready_ = snapshot.ever_ready;
  told_ready_ = snapshot.told_ready;
  told_reloading_ = snapshot.told_reloading;
  jobs_.restore(snapshot.next_job, snapshot.jobs);
  scale_.restore(snapshot.scales);
  upgrade_.restore(snapshot.upgrade);
  for (const TimerRecord& timer : snapshot.timers) timers_.arm(timer.owner, timer.when);
  told_standing_ = standing();  // the manager is told of every change
}

Supervisor::Supervisor(const SupervisorConfig& config, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(config, seed)) {}
Supervisor::Supervisor(const Snapshot& snapshot) : impl_(std::make_unique<Impl>(snapshot)) {}
Supervisor::~Supervisor() = default;
Supervisor::Supervisor(Supervisor&& other) noexcept = default;
Supervisor& Supervisor::operator=(Supervisor&& other) noexcept = default;
Actions Supervisor::handle(const Event& event, TimePoint now) {
  return impl_->handle(event, now);
}
std::optional<TimePoint> Supervisor::next_deadline() const {
  return impl_->next_deadline();
}
StatusView Supervisor::status() const {
  return impl_->status();
}
std::optional<JobView> Supervisor::job(JobId id) const {
  return impl_->job(id);
}
std::optional<Snapshot> Supervisor::snapshot() const {
  return impl_->snapshot();
}

}  // namespace gserve::core
