// SPDX-License-Identifier: MIT
#include "supervisor/io/action_runner.h"

#include <string>
#include <utility>

namespace gserve::io {

void ActionRunner::run(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    std::visit([this](const auto& each) { act(each); }, action);
  }
}

void ActionRunner::act(const core::Spawn& action) {
  if (auto result = ports_.workers.spawn(action)) answer_start(action.launch, std::move(*result));
}

void ActionRunner::act(const core::SpawnTemplate& action) {
  answer_start(action.launch, ports_.workers.spawn_template(action));
}

void ActionRunner::answer_start(core::LaunchId launch, ports::Workers::Started result) {
  if (const auto* pid = std::get_if<core::Pid>(&result)) {
    answer_(core::WorkerSpawned{launch, *pid});
  } else {
    answer_(core::WorkerSpawnFailed{launch, std::get<std::string>(std::move(result))});
  }
}

void ActionRunner::act(const core::SignalWorker& action) {
  ports_.workers.signal(action.launch, action.signal);
}

void ActionRunner::act(const core::Rest& action) {
  ports_.workers.rest(action.launch);
}

void ActionRunner::act(const core::Serve& action) {
  ports_.workers.serve(action.launch);
}

void ActionRunner::act(const core::Promote& action) {
  ports_.workers.promote(action.launch);
}

void ActionRunner::act(const core::SampleScoreboard& action) {
  answer_(ports_.workers.sample(action));
}

void ActionRunner::act(const core::LoadConfig& action) {
  if (auto result = ports_.configuration.load(action.job)) {
    answer_(ports::load_event(action.job, std::move(*result)));
  }
}

void ActionRunner::act(const core::AdoptConfig& action) {
  ports_.configuration.adopt(action.job, action.generation);
}

void ActionRunner::act(const core::CopyConfig& action) {
  ports_.configuration.copy(action.from, action.to);
}

void ActionRunner::act(const core::ForgetGeneration& action) {
  ports_.configuration.forget(action.generation);
}

void ActionRunner::act(const core::CheckUpgrade& action) {
  std::string reason = ports_.upgrader.check(action.job, action.binary);
  if (!reason.empty()) answer_(core::UpgradeChecked{action.job, std::move(reason)});
}

void ActionRunner::act(const core::Reexecute& action) {
  ports_.upgrader.reexecute(action.job);
}

void ActionRunner::act(const core::GiveUpUpgrade& action) {
  ports_.upgrader.give_up(action.job);
}

void ActionRunner::act(const core::StopListening&) {
  ports_.listeners.stop_listening();
}

void ActionRunner::act(const core::ReopenLogs& action) {
  std::string reason = ports_.journal.reopen();
  ports_.workers.hand_over_logs();
  answer_(core::LogsReopened{action.job, std::move(reason)});
}

void ActionRunner::act(const core::NotifyReady& action) {
  ports_.notifier.ready(action.status);
}

void ActionRunner::act(const core::NotifyReloading&) {
  ports_.notifier.reloading();
}

void ActionRunner::act(const core::NotifyStopping&) {
  ports_.notifier.stopping();
}

void ActionRunner::act(const core::NotifyStatus& action) {
  ports_.notifier.status(action.status);
}

void ActionRunner::act(const core::NotifyExtendTimeout& action) {
  ports_.notifier.extend_timeout(action.extra);
}

void ActionRunner::act(const core::NotifyWatchdog&) {
  ports_.notifier.watchdog();
}

void ActionRunner::act(const core::Log& action) {
  ports_.journal.write(action);
}

void ActionRunner::act(const core::RecordIncident& action) {
  ports_.incidents.record(action);
}

void ActionRunner::act(const core::JobAccepted& action) {
  if (ports_.control) ports_.control->accepted(action.request, action.job);
}

void ActionRunner::act(const core::JobRefused& action) {
  if (ports_.control) ports_.control->refused(action.request, action.reason);
}

void ActionRunner::act(const core::JobProgress& action) {
  if (ports_.control) ports_.control->job_progress(action.job, action.text);
}

void ActionRunner::act(const core::JobFinished& action) {
  if (ports_.control) ports_.control->job_finished(action.job, action.result, action.reason);
}

void ActionRunner::act(const core::Exit& action) {
  exit_code_ = action.code;
}

}  // namespace gserve::io
