// SPDX-License-Identifier: MIT
#include <csignal>

#include "supervisor/core/supervisor_impl.h"

namespace gserve::core {

void Supervisor::Impl::on(const ScoreboardSampled& event) {
  WorkerHandle* worker = workforce_.find(event.launch);
  if (worker == nullptr) return;
  worker->requests = event.requests;
  worker->errors = event.errors;
  if (shutdown_.ending()) return;
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

void Supervisor::Impl::log_overdue(WorkerHandle& worker, const ScoreboardSampled& sample,
                                   const std::string& what_now) {
  worker.fault = '"' + sample.request_line + "\" has run for " + describe(now_ - *sample.oldest_start) +
                 " (timeout " + describe(worker.timeout) + ')';
  outbox_.log(LogLevel::critical,
              workforce_.label(worker) + "WORKER TIMEOUT (pid:" + std::to_string(worker.pid) +
                  "): " + worker.fault + what_now,
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
  const std::string text = "has not drained within " + describe(worker.drain_limit);
  outbox_.log(LogLevel::warning,
              workforce_.label(worker) + "worker " + text + (overdue ? "; aborting it" : "; killing it"),
              worker);
  if (!shutdown_.hurried()) worker.fault += (worker.fault.empty() ? "" : "; ") + text;
  overdue ? workforce_.abort(worker, now_) : workforce_.kill(worker, now_);
}

}  // namespace gserve::core
