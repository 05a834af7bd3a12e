// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/core/backoff.h"
#include "supervisor/core/outbox.h"
#include "supervisor/core/template_handle.h"
#include "supervisor/core/timer_queue.h"
#include "supervisor/core/worker_pool.h"

namespace gserve::core {

/// A template that ended without being told to.
struct TemplateFailure {
  std::size_t pool;
  LaunchId launch;
  Generation generation;
  bool booted;            // it had been ready
  int hopeless = 0;       // the exit code with which a first boot ends the program; 0: worth another try
  std::string reason;     // for who asked: the application's traceback, if it left one
  Pid pid = 0;            // 0: it could not be started
  std::string summary{};  // one line without its name
  std::string boot_error{};
  std::optional<IncidentKind> incident;  // none: somebody else had asked it to end (worker_end.h)
};

/// All templates (template_handle.h) of all pools. The only place where one is made, changes its state, is
/// sent a signal, or is forgotten. A cohort (worker_pool.h) has at most one, which tells it whether workers
/// can be started; a template that was made for a cohort stays its own until it has exited.
class Templates {
 public:
  /// All borrowed.
  Templates(std::vector<WorkerPool>& pools, TimerQueue& timers, Outbox& outbox, Random& random)
      : pools_(pools), timers_(timers), outbox_(outbox), random_(random) {}

  void restore(const std::vector<TemplateRecord>& records);
  std::vector<TemplateRecord> records() const;

  TemplateHandle* find(LaunchId launch);
  bool empty() const { return templates_.empty(); }
  /// In the order in which they were launched.
  const std::map<LaunchId, TemplateHandle>& all() const { return templates_; }

  void start(LaunchId launch, WorkerPool& pool, Generation generation, TimePoint now);
  /// `worker` has become the template of `generation`, which has none and is known.
  void adopt(const WorkerHandle& worker, Generation generation, TimePoint now);
  void on_spawned(TemplateHandle& handle, Pid pid);
  void on_ready(TemplateHandle& handle, TimePoint now);
  void on_boot_error(TemplateHandle& handle, const std::string& reason);
  /// Its timer fell due.
  void on_due(TemplateHandle& handle, TimePoint now);
  /// It was never born, or has exited: takes it out. What failed, if it was not told to end.
  std::optional<TemplateFailure> on_spawn_failed(TemplateHandle& handle, const std::string& reason,
                                                 TimePoint now);
  std::optional<TemplateFailure> on_exited(TemplateHandle& handle, const ExitStatus& status, TimePoint now);

  /// It does not fork the worker that was asked of it.
  void on_stuck(LaunchId launch, TimePoint now);
  /// Tells those to leave that nobody needs any more.
  void end_unneeded(TimePoint now);
  /// For the end of the service.
  void end_all(TimePoint now);
  void kill_all(TimePoint now);

 private:
  bool needed(const TemplateHandle& handle) const;
  void transition(TemplateHandle& handle, TemplateState next, TimePoint now);
  void signal(TemplateHandle& handle, int number);
  void end(TemplateHandle& handle, TimePoint now);
  void abort(TemplateHandle& handle, TimePoint now);
  void kill(TemplateHandle& handle, TimePoint now);
  Cohort* cohort(const TemplateHandle& handle);
  Duration blame(const TemplateHandle& handle, const std::string& why, TimePoint now);
  TemplateHandle take(TemplateHandle& handle);
  std::string name(const TemplateHandle& handle) const;

  std::vector<WorkerPool>& pools_;
  TimerQueue& timers_;
  Outbox& outbox_;
  Random& random_;
  std::map<LaunchId, TemplateHandle> templates_;
};

}  // namespace gserve::core
