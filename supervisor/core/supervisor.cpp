// SPDX-License-Identifier: MIT
#include "supervisor/core/supervisor.h"

#include <algorithm>

#include "supervisor/core/supervisor_impl.h"

namespace gserve::core {

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

void Supervisor::Impl::on(const WatchdogSet& event) {
  watchdog_.set(event.limit, now_);
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
    record(gone, end);
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
  if (worker != nullptr && worker->chosen && worker->state() == WorkerState::draining) {
    const std::size_t pool = worker->pool;
    bake_.on_gone(*worker, false, false, now_);
    worker_jobs_.on_gone(worker->launch, now_);
    reload_.on_promoted(*worker, now_);
    return follow_up(pool);
  }
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
  if (worker.state() > WorkerState::ready || worker.resting || !worker.due.empty()) return;
  outbox_.log(LogLevel::info,
              workforce_.label(worker) + "worker is due for replacement: " + reason + " (" + details + ')',
              worker);
  workforce_.set_due(worker, reason);
  follow_up(worker.pool);
}

/// Whoever is replaced already may say what it wants.
void Supervisor::Impl::on(const CodeChanged& event) {
  const WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || shutdown_.running()) return;
  const bool lasts = worker->generation == reload_.generation() || reload_.tries(worker->generation);
  if (!lasts || !workforce_.pools()[worker->pool].cohort(worker->generation).config.watches_code) return;
  if (changes_.is_news(event.path, event.stamp)) on(ReloadRequested{0, "a change of " + event.path});
}

void Supervisor::Impl::on(const WorkerBootError& event) {
  if (TemplateHandle* handle = find_template(event.launch)) {
    return workforce_.templates().on_boot_error(*handle, event.reason);
  }
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr || (worker->was_ready() && !worker->chosen)) return;
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
  worker->requests = event.requests;
  worker->errors = event.errors;
  WorkerHandle gone = workforce_.take(*worker);
  settle(gone, end_of(gone, event.status));
  after_departure(gone.pool, gone.generation);
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
  bake_.end();
}

void Supervisor::Impl::end_jobs(const std::string& reason) {
  upgrade_.cancel(reason, now_);
  reload_.cancel(JobState::failed, reason, now_);
  scale_.cancel_all(reason, now_);
  worker_jobs_.cancel_all(reason, now_);
}

void Supervisor::Impl::on(const ReloadRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot reload: the supervisor stops");
  tell_reloading();
  upgrade_.cancel("a reload was requested meanwhile; try again when it is done", now_);
  reload_.begin(event, now_);
}

void Supervisor::Impl::on(const RollbackRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot roll back: the supervisor stops");
  roll_back(event, "");
}

void Supervisor::Impl::roll_back(const RollbackRequested& request, const std::string& why) {
  tell_reloading();
  reload_.begin(request, why, now_);
  if (reload_.running())
    upgrade_.cancel("a roll-back was requested meanwhile; try again when it is done", now_);
  advance_reload();
}

void Supervisor::Impl::on(const ReforkRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot refork: the supervisor stops");
  if (upgrade_.running()) {
    return jobs_.refuse(event.request, "cannot refork: an upgrade is under way; try again when it is done");
  }
  tell_reloading();
  reload_.begin(event, now_);
}

void Supervisor::Impl::on(const RestartRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot restart: the supervisor stops");
  if (upgrade_.running()) {
    return jobs_.refuse(event.request, "cannot restart: an upgrade is under way; try again when it is done");
  }
  tell_reloading();
  reload_.begin(event, now_);
}

void Supervisor::Impl::on(const WorkerRestartRequested& event) {
  if (shutdown_.running()) {
    return jobs_.refuse(event.request, "cannot restart a worker: the supervisor stops");
  }
  if (WorkerHandle* worker = worker_jobs_.begin(event)) {
    become_due(*worker, "restart", "requested by " + event.by);
  }
}

void Supervisor::Impl::on(const WorkerKillRequested& event) {
  if (shutdown_.running()) {
    return jobs_.refuse(event.request,
                        "cannot kill a worker: the supervisor stops; gservectl stop --quick hurries it");
  }
  const WorkerHandle* worker = worker_jobs_.begin(event, now_);
  if (worker == nullptr) return;
  watch_.on_gone();
  follow_up(worker->pool);
}

void Supervisor::Impl::tell_reloading() {
  if (told_ready_ && !told_reloading_) outbox_.push(NotifyReloading{});
  told_reloading_ = told_ready_;
}

void Supervisor::Impl::on(const ScaleRequested& event) {
  if (shutdown_.running()) return jobs_.refuse(event.request, "cannot scale: the supervisor stops");
  scale_.begin(event, now_);
  advance_reload();
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
  outbox_.log(LogLevel::info, "reopening the log files, requested by " + event.by);
  outbox_.push(ReopenLogs{event.request == 0 ? 0 : jobs_.open(JobKind::reopen, event.request)});
}

/// Whoever could not open a file has said so in the log.
void Supervisor::Impl::on(const LogsReopened& event) {
  if (event.reason.empty()) outbox_.log(LogLevel::info, "log files reopened");
  if (event.job == 0) return;
  jobs_.finish(event.job, event.reason.empty() ? JobState::done : JobState::failed, event.reason, now_);
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
      case TimerOwner::Kind::bake:
        judge();
        bake_.on_due(reload_.generation(), now_);
        break;
      case TimerOwner::Kind::watchdog:
        watchdog_.on_due(now_);
        break;
      case TimerOwner::Kind::stop:
        close();
        shutdown_.on_due(now_);
        break;
    }
  }
}

void Supervisor::Impl::follow_up(std::size_t pool) {
  if (shutdown_.ending()) return;
  workforce_.reconcile(workforce_.pools()[pool], now_);
  advance_reload();
  scale_.advance_all(now_);
  worker_jobs_.advance();
}

void Supervisor::Impl::advance_reload() {
  const Generation before = reload_.generation();
  const auto kept = workforce_.pools().front().kept();
  reload_.advance(now_);
  const Generation current = reload_.generation();
  if (current == before) return;
  if (current == kept) return bake_.on_restored();
  if (workforce_.pools().front().kept() == before) bake_.on_deployed(now_);
}

/// Goes back if the generation on test has turned out to be worse than the one before.
void Supervisor::Impl::judge() {
  if (reload_.undecided() || shutdown_.running()) return;
  const auto why = bake_.verdict(reload_.generation(), now_);
  if (!why) return;
  outbox_.log(LogLevel::error, *why + "; going back");
  roll_back({0, "the test of a new generation"}, *why);
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
