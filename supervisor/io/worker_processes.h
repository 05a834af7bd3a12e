// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/fork_requests.h"
#include "supervisor/io/launch_registry.h"
#include "supervisor/io/notify_socket.h"
#include "supervisor/io/oom_account.h"
#include "supervisor/io/present_worker.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/remains.h"
#include "supervisor/io/request_totals.h"
#include "supervisor/io/template_socket.h"
#include "supervisor/io/worker_launcher.h"
#include "supervisor/ports/control_bus.h"
#include "supervisor/ports/journal.h"
#include "supervisor/ports/workers.h"

namespace gserve::io {

/// What an upgrade carries over of the live workers and templates. Owns its descriptors.
struct LiveLaunches {
  std::vector<Launch> launches;
  std::map<core::LaunchId, TemplateSocket> templates;
  ForkRequests requests;
};
/// Fills `live`; throws std::system_error, then `live` holds a part.
void restore_launches(const ServiceState& state, LiveLaunches& live);

/// The live workers and templates: starts them, speaks to them, and turns what they say and how they end into
/// events.
class WorkerProcesses : public ports::Workers {
 public:
  /// All borrowed.
  WorkerProcesses(WorkerLauncher& launcher, const Deployments& deployments, ports::Journal& journal,
                  ports::OomCounter& oom_counter)
      : launcher_(launcher), deployments_(deployments), journal_(journal), oom_account_(oom_counter) {}

  /// Called when the control socket of a template is to be watched, and when not any more: hear_templates()
  /// whenever one is readable.
  using Watch = std::function<void(int fd, bool on)>;
  void set_watch(Watch watch) { watch_ = std::move(watch); }

  /// Called when a process has ended, before its end becomes an event, with what it left.
  using Heir = std::function<void(const Remains& remains)>;
  void set_heir(Heir heir) { heir_ = std::move(heir); }

  /// The live launches, for an upgrade.
  void save(ServiceState& state);
  void restore(LiveLaunches live);
  /// What the workers that have gone had counted.
  void restore(const std::vector<RequestTotalsState>& totals) { gone_.restore(totals); }
  /// After restore: watches what is to be watched.
  void watch_templates();

  std::optional<Started> spawn(const core::Spawn& order) override;
  Started spawn_template(const core::SpawnTemplate& order) override;
  void signal(core::LaunchId launch, int signal) override;
  void rest(core::LaunchId launch) override;
  void serve(core::LaunchId launch) override;
  void promote(core::LaunchId launch) override;
  core::ScoreboardSampled sample(const core::SampleScoreboard& order) override;
  void hand_over_logs() override;

  /// What a message means for the core, in order; nothing when its sender is not the launch it speaks for.
  /// What a worker says before its template has introduced it is kept until then.
  std::vector<core::Event> understand(const WorkerMessage& message);

  /// Reads what all templates have said: workers that were born or were not. Call it before a process is
  /// reaped, too: a worker is introduced before it can be seen to end.
  std::vector<core::Event> hear_templates();

  /// The launch is over: logs what it left behind and lets go of it. Nothing for a process that is no launch
  /// (an orphan of an application, the middle of a fork); those are counted.
  std::vector<core::Event> ended(const Reaped& reaped);
  std::uint64_t orphans() const { return orphans_; }

  /// The live workers, templates left out.
  std::vector<PresentWorker> present();

  /// Joins the core's view of a worker with its scoreboard and the system's figures.
  ports::WorkerReport report(const core::WorkerView& view, core::TimePoint now);
  ports::TemplateReport report(const core::TemplateView& view, core::TimePoint now);
  /// What all workers have counted, those that have gone included.
  RequestTotals totals();

 private:
  std::optional<Started> ask_template(const core::Spawn& order, const Deployment& deployment);
  void tell(core::LaunchId launch, std::string_view word);
  void hear(core::LaunchId from, TemplateSocket& socket, std::vector<core::Event>& events);
  void bury(const Launch& launch, const core::ExitStatus& status, std::vector<core::Event>& events);
  void adopt_born(std::vector<core::Event>& events);
  void unwatch(TemplateSocket& socket);
  void take_remains(const Launch& launch);
  core::ExitStatus explained(const Launch& launch, core::ExitStatus status);
  void hand_over_logs(const Launch& launch, const SharedDescriptors& shared);

  WorkerLauncher& launcher_;
  const Deployments& deployments_;
  ports::Journal& journal_;
  OomAccount oom_account_;
  LaunchRegistry registry_;
  std::map<core::LaunchId, TemplateSocket> templates_;
  ForkRequests requests_;
  Watch watch_ = [](int, bool) {};
  Heir heir_ = [](const Remains&) {};
  RequestTotals gone_;
  std::uint64_t orphans_ = 0;
};

}  // namespace gserve::io
