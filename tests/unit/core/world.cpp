// SPDX-License-Identifier: MIT
#include "tests/unit/core/world.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gserve::core::testing {

SupervisorConfig one_pool(int workers) {
  SupervisorConfig config;
  config.pools.front().workers = workers;
  return config;
}

SupervisorConfig preloaded(int workers) {
  SupervisorConfig config = one_pool(workers);
  config.pools.front().preload = true;
  return config;
}

World::World(SupervisorConfig config, std::uint64_t seed) : supervisor(config, seed), next_config(config) {
  configs[1] = std::move(config);
}

void World::claim(bool holds, const std::string& what) {
  if (!holds && broken.empty()) broken = what;
}

void World::send(const Event& event) {
  last.clear();
  queue_.push_back(event);
  while (!queue_.empty()) {
    const Event next = std::move(queue_.front());
    queue_.pop_front();
    handle(next);
  }
}

void World::handle(const Event& event) {
  grown_.clear();
  shrunk_.clear();
  recorded_.clear();
  const std::optional<bool> expected_record = must_be_recorded(event);
  happen(event);
  check_watchdog();
  if (carried_off) replace_supervisor();
  Actions actions = supervisor.handle(event, now);
  claim(!exit_code || actions.empty(), "actions after Exit");
  for (Action& action : actions) {
    std::visit([this](const auto& a) { apply(a); }, action);
    last.push_back(std::move(action));
  }
  check_record(event, expected_record);
  for (const std::string& pool : grown_) check_crowd(pool);
  for (const std::string& pool : grown_) check_need(pool);
  for (const std::string& pool : shrunk_) check_capacity(pool);
  check_timers(std::holds_alternative<TimePassed>(event));
}

void World::replace_supervisor() {
  const auto snapshot = supervisor.snapshot();
  if (!snapshot) return;
  const Snapshot arrived = carry ? carry(*snapshot) : *snapshot;
  claim(arrived == *snapshot, "a snapshot changes on its way");
  claim(wrong_with(arrived).empty(), "a snapshot is unsound: " + wrong_with(arrived));
  const auto deadline = supervisor.next_deadline();
  const StatusView status = supervisor.status();
  supervisor = Supervisor(arrived);
  claim(supervisor.status() == status, "a restored supervisor has another status");
  claim(supervisor.next_deadline() == deadline, "a restored supervisor has another deadline");
  claim(supervisor.snapshot() == snapshot, "a restored supervisor has another state");
}

void World::happen(const Event& event) {
  if (const auto* e = std::get_if<WorkerSpawned>(&event); e != nullptr && workers.contains(e->launch)) {
    FakeWorker& worker = workers.at(e->launch);
    worker.spawned = true;
    worker.late = worker.started != now;
  }
  if (const auto* e = std::get_if<WorkerSpawned>(&event); e != nullptr && templates.contains(e->launch)) {
    FakeTemplate& handle = templates.at(e->launch);
    handle.spawned = true;
    handle.late = handle.started != now;
  }
  if (const auto* e = std::get_if<WorkerSpawnFailed>(&event)) {
    workers.erase(e->launch);
    templates.erase(e->launch);
  }
  if (const auto* e = std::get_if<WorkerExited>(&event)) {
    workers.erase(e->launch);
    templates.erase(e->launch);
  }
  if (const auto* e = std::get_if<WorkerReady>(&event)) {
    become_template(e->launch);
    const auto found = workers.find(e->launch);
    if (found != workers.end() && !found->second.ready) {
      found->second.ready = found->second.boots();
      found->second.was_ready = found->second.was_ready || found->second.ready;
    }
    const auto origin = templates.find(e->launch);
    if (origin != templates.end() && !origin->second.ready) origin->second.ready = origin->second.boots();
  }
}

void World::become_template(LaunchId launch) {
  const auto found = workers.find(launch);
  if (found == workers.end() || !found->second.promoted || found->second.ending()) return;
  const FakeWorker& worker = found->second;
  templates[launch] = {
      .pool = worker.pool, .generation = copied_to_, .started = worker.started, .spawned = true};
  workers.erase(found);
}

void World::pass(Duration duration) {
  const TimePoint end = now + duration;
  Actions all;
  for (auto next = supervisor.next_deadline(); next && *next <= end; next = supervisor.next_deadline()) {
    now = std::max(now, *next);
    send(TimePassed{});
    std::move(last.begin(), last.end(), std::back_inserter(all));
    if (!broken.empty()) break;
  }
  now = end;
  last = std::move(all);
}

void World::start_ready() {
  start();
  all_ready();
}

void World::ready(LaunchId launch) {
  send(WorkerReady{launch});
}

void World::all_ready() {
  Actions all;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [launch, handle] : std::map(templates)) {
      if (!templates.contains(launch) || !templates.at(launch).boots()) continue;
      ready(launch);
      std::move(last.begin(), last.end(), std::back_inserter(all));
      more = true;
    }
    for (const LaunchId launch : launches()) {
      if (!workers.contains(launch)) continue;
      const bool promoted = worker(launch).promoted && !worker(launch).ending();
      if (!promoted && !worker(launch).boots()) continue;
      ready(launch);
      std::move(last.begin(), last.end(), std::back_inserter(all));
      more = true;
    }
  }
  last = std::move(all);
}

void World::stopping(LaunchId launch) {
  FakeWorker& worker = workers.at(launch);
  if (!worker.told && !worker.aborted && !worker.killed) worker.stopping = true;
  worker.ready = false;
  send(WorkerStopping{launch});
}

void World::exit(LaunchId launch, ExitStatus status) {
  const auto found = workers.find(launch);
  const FakeWorker gone = found == workers.end() ? FakeWorker{} : found->second;
  send(WorkerExited{launch, status, gone.requests, gone.errors});
}

void World::exit_template(LaunchId launch, ExitStatus status) {
  Actions all;
  for (const Event& event : unborn_of(launch)) {
    send(event);
    std::move(last.begin(), last.end(), std::back_inserter(all));
  }
  send(WorkerExited{launch, status});
  std::move(last.begin(), last.end(), std::back_inserter(all));
  last = std::move(all);
}

std::vector<Event> World::unborn_of(LaunchId launch) {
  std::vector<Event> failures;
  std::deque<Event> others;
  for (Event& event : held_) {
    const auto* spawned = std::get_if<WorkerSpawned>(&event);
    const bool unborn =
        spawned != nullptr && workers.contains(spawned->launch) && workers.at(spawned->launch).from == launch;
    if (unborn) failures.emplace_back(WorkerSpawnFailed{spawned->launch, "the template has gone"});
    if (!unborn) others.push_back(std::move(event));
  }
  held_ = std::move(others);
  return failures;
}

LaunchId World::template_of(Generation generation) const {
  LaunchId found = 0;
  for (const auto& [launch, handle] : templates) {
    if (generation == 0 || handle.generation == generation) found = launch;
  }
  return found;
}

void World::all_told_exit() {
  Actions all;
  for (const LaunchId launch : launches()) {
    if (!workers.contains(launch) || !worker(launch).told) continue;
    exit(launch);
    std::move(last.begin(), last.end(), std::back_inserter(all));
  }
  last = std::move(all);
}

void World::stop(StopMode mode) {
  stop_requested_ = true;
  if (mode == StopMode::quick) ++quick_stops_;
  send(StopRequested{++requests, mode, "test"});
}

void World::reload(std::optional<SupervisorConfig> next) {
  next_config = std::move(next);
  send(ReloadRequested{++requests, "test"});
}

void World::scale(int count, bool relative, std::string pool) {
  send(ScaleRequested{++requests, std::move(pool), count, relative, "test"});
}

void World::release() {
  const std::deque<Event> held = std::exchange(held_, {});
  for (const Event& event : held) send(event);
}

void World::kill_worker(LaunchId launch) {
  to_be_killed_ = launch;
  send(WorkerKillRequested{++requests, pid_of(launch), "test"});
  to_be_killed_ = 0;
}

std::vector<LaunchId> World::launches(Generation generation) const {
  std::vector<LaunchId> found;
  for (const auto& [launch, worker] : workers) {
    if (generation == 0 || worker.generation == generation) found.push_back(launch);
  }
  return found;
}

int World::count_ready(const std::string& pool, Generation generation) const {
  return static_cast<int>(std::count_if(workers.begin(), workers.end(), [&](const auto& entry) {
    const FakeWorker& worker = entry.second;
    return worker.serves() && worker.pool == pool && (generation == 0 || worker.generation == generation);
  }));
}

int World::count_boots() const {
  return static_cast<int>(
      std::count_if(workers.begin(), workers.end(), [](const auto& entry) { return entry.second.boots(); }));
}

std::set<LaunchId> World::due_workers() const {
  std::set<LaunchId> found;
  for (const WorkerView& view : supervisor.status().workers) {
    if (!view.due.empty()) found.insert(view.launch);
  }
  return found;
}

bool World::is_due_for_a_job(LaunchId launch) const {
  const auto views = supervisor.status().workers;
  return std::any_of(views.begin(), views.end(), [&](const WorkerView& view) {
    return view.launch == launch && (view.due == "refork" || view.due == "restart");
  });
}

bool World::logged(LogLevel level, const std::string& part) const {
  const auto lines = got<Log>();
  return std::any_of(lines.begin(), lines.end(), [&](const Log& line) {
    return line.level == level && line.text.find(part) != std::string::npos;
  });
}

void World::apply(const Spawn& action) {
  claim(!stopped_, "a worker is started after the stop");
  claim(configs.contains(action.generation), "a worker is started of a generation without configuration");
  claim(!workers.contains(action.launch), "a launch id is used twice");
  ++spawns;
  grown_.insert(action.pool);
  FakeWorker& worker = workers[action.launch];
  worker = {.launch = action.launch,
            .pool = action.pool,
            .generation = action.generation,
            .started = now,
            .from = action.from};
  claim(config_of(worker).preload == (action.from != 0),
        "a worker with preload is not forked, or one without");
  if (action.from != 0) {
    const auto origin = templates.find(action.from);
    claim(origin != templates.end() && origin->second.ready && !origin->second.ending() &&
              origin->second.pool == action.pool && origin->second.generation == action.generation,
          "a worker is forked from something else than a ready template of its generation");
  }
  auto& answers = hold_spawns ? held_ : queue_;
  if (fail_spawns) {
    answers.push_back(WorkerSpawnFailed{action.launch, "no memory"});
  } else {
    answers.push_back(WorkerSpawned{action.launch, pid_of(action.launch)});
    if (eager) answers.push_back(WorkerReady{action.launch});
  }
}

void World::apply(const SpawnTemplate& action) {
  claim(!stopped_, "a template is started after the stop");
  claim(configs.contains(action.generation) && !forgotten_.contains(action.generation),
        "a template is started of a generation without configuration");
  claim(config_of(action.pool, action.generation).preload, "a template is started without preload");
  claim(!workers.contains(action.launch) && !templates.contains(action.launch), "a launch id is used twice");
  for (const auto& [launch, handle] : templates) {
    claim(handle.pool != action.pool || handle.generation != action.generation,
          "a generation has two templates");
  }
  ++spawns;
  templates[action.launch] = {.pool = action.pool, .generation = action.generation, .started = now};
  auto& answers = hold_spawns ? held_ : queue_;
  if (fail_spawns) {
    answers.push_back(WorkerSpawnFailed{action.launch, "no memory"});
  } else {
    answers.push_back(WorkerSpawned{action.launch, pid_of(action.launch)});
    if (eager) answers.push_back(WorkerReady{action.launch});
  }
}

void World::signal_template(LaunchId launch, int signal) {
  FakeTemplate& handle = templates.at(launch);
  if (!handle.spawned) return claim(false, "a signal to a template that is not there");
  check_signal(launch, handle, signal);
  handle.told = handle.told || signal == SIGTERM;
  handle.aborted = handle.aborted || signal == SIGABRT;
  handle.killed = handle.killed || signal == SIGKILL;
  handle.ended_at = now;
  if (!obedient) return;
  for (Event& event : unborn_of(launch)) queue_.push_back(std::move(event));
  const ExitStatus killed{ExitStatus::Kind::signalled, signal};
  queue_.push_back(WorkerExited{launch, signal == SIGTERM ? ExitStatus{} : killed});
}

void World::check_signal(LaunchId launch, const FakeTemplate& handle, int signal) {
  claim(!handle.killed, "a signal to a template that was killed already");
  const auto own = [&](const auto& entry) { return entry.second.from == launch; };
  const auto unborn = [&](const auto& entry) { return own(entry) && !entry.second.spawned; };
  if (signal == SIGTERM) {
    const auto same = [&](const auto& entry) {
      return entry.second.pool == handle.pool && entry.second.generation == handle.generation;
    };
    const bool in_use = std::any_of(workers.begin(), workers.end(), same) ||
                        (!stopped_ && handle.generation == supervisor.status().generation) ||
                        (!stop_requested_ && supervisor.status().bakes_until &&
                         handle.generation == supervisor.status().kept);
    claim(!in_use, "a template that is still needed is told to leave");
  }
  const Duration boot_timeout = config_of(handle.pool, handle.generation).boot_timeout;
  if (signal == SIGABRT) {
    const bool boots_long = handle.boots() && now - handle.started >= boot_timeout;
    claim(boots_long || std::any_of(workers.begin(), workers.end(), unborn),
          "a template is aborted without a reason");
  }
  if (signal == SIGKILL && quick_stops_ < 2 && !handle.late) {
    claim(handle.ending() && now - handle.ended_at >= 1s, "a template is killed before its time");
  }
}

void World::apply(const SignalWorker& action) {
  if (templates.contains(action.launch)) return signal_template(action.launch, action.signal);
  const auto found = workers.find(action.launch);
  if (found == workers.end() || !found->second.spawned)
    return claim(false, "a signal to a process that is not there");
  FakeWorker& worker = found->second;
  if (action.launch == to_be_killed_ && action.signal == SIGABRT) worker.put_down = true;
  check_signal(worker, action.signal);
  const bool gently = action.signal == SIGTERM || action.signal == SIGQUIT;
  // An overdue request takes its worker away, even if nothing can take its place.
  if (worker.serves() && gently && !stopped_ && !overdue(worker)) shrunk_.insert(worker.pool);
  worker.ready = false;
  worker.told = worker.told || gently;
  worker.aborted = worker.aborted || action.signal == SIGABRT;
  worker.killed = worker.killed || action.signal == SIGKILL;
  if (!worker.promoted || !gently) worker.ended_at = now;  // else it drains already
  if (!obedient) return;
  const ExitStatus killed{ExitStatus::Kind::signalled, action.signal};
  queue_.push_back(WorkerExited{action.launch, gently ? ExitStatus{} : killed});
}

bool World::overdue(const FakeWorker& worker) const {
  const Duration timeout = config_of(worker).timeout;
  return timeout > 0s && worker.request_start && now - *worker.request_start >= timeout;
}

void World::check_signal(const FakeWorker& worker, int signal) {
  claim(!worker.killed, "a signal to a worker that was killed already");
  const PoolConfig& config = config_of(worker);
  if (signal == SIGABRT) {
    const bool boots_long = worker.boots() && now - worker.started >= config.boot_timeout;
    const bool drains = worker.told || worker.stopping || worker.promoted;
    const bool drained_long = drains && now - worker.ended_at >= config.graceful_timeout;
    const bool others = worker.other_start && now - *worker.other_start < config.timeout;
    const bool stuck = (worker.ready || drains) && overdue(worker) && !others;
    claim(stuck || boots_long || drained_long || worker.put_down, "a worker is aborted without a reason");
  }
  // One that was spawned late may have outlived several limits at once: it gets the last signal only.
  if (signal == SIGKILL && quick_stops_ < 2 && !worker.late) {
    const bool told = worker.told || worker.promoted;
    const bool impatient = quick_stops_ > 0 || worker.stopping || !told;
    const Duration limit = worker.aborted ? Duration(1s)
                           : impatient    ? Duration::zero()
                                          : config.graceful_timeout;
    claim(now - worker.ended_at >= limit, "a worker is killed before its time");
    claim(told || worker.aborted || worker.stopping || stopped_, "a worker is killed without a reason");
  }
}

void World::apply(const Rest& action) {
  FakeWorker& worker = workers.at(action.launch);
  claim(worker.serves(), "a worker that does not serve is told to rest");
  const bool alone = std::none_of(workers.begin(), workers.end(), [&](const auto& entry) {
    return entry.second.resting && !entry.second.ending() && entry.second.pool == worker.pool &&
           entry.second.generation == worker.generation;
  });
  claim(alone, "a generation has two spares");
  worker.resting = true;
  shrunk_.insert(worker.pool);
}

void World::apply(const Serve& action) {
  FakeWorker& worker = workers.at(action.launch);
  claim(worker.ready && worker.resting, "a worker that does not rest is told to serve");
  worker.resting = false;
}

void World::apply(const Promote& action) {
  FakeWorker& worker = workers.at(action.launch);
  claim(worker.serves() && config_of(worker).preload,
        "a worker is promoted that does not serve, or cannot be");
  worker.ready = false;
  worker.promoted = true;
  worker.ended_at = now;
  shrunk_.insert(worker.pool);
  if (obedient) queue_.push_back(WorkerReady{action.launch});
}

void World::apply(const CopyConfig& action) {
  claim(configs.contains(action.from), "a configuration is copied that was never there");
  claim(!configs.contains(action.to), "a generation is used twice");
  configs[action.to] = configs.at(action.from);
  copied_to_ = action.to;
}

void World::apply(const SampleScoreboard& action) {
  const auto found = workers.find(action.launch);
  if (found == workers.end()) return claim(false, "a sample of a worker that is not there");
  const auto start = found->second.request_start;
  const auto other = start ? found->second.other_start : std::nullopt;
  const std::uint64_t rss_bytes = action.memory ? found->second.rss_bytes : 0;
  queue_.push_back(ScoreboardSampled{action.launch, start, start ? "GET /slow HTTP/1.1" : "",
                                     (start ? 1 : 0) + (other ? 1 : 0), rss_bytes, other ? other : start,
                                     found->second.requests, found->second.errors});
}

void World::apply(const LoadConfig& action) {
  Event answer = ConfigRejected{action.job, rejection};
  if (next_config) {
    answer = ConfigLoaded{action.job, *next_config};
    loaded_[action.job] = *next_config;
  }
  (hold_loads ? held_ : queue_).push_back(std::move(answer));
}

void World::apply(const CheckUpgrade& action) {
  (hold_loads ? held_ : queue_).push_back(UpgradeChecked{action.job, new_program_fault});
}

void World::apply(const Reexecute& action) {
  claim(supervisor.snapshot().has_value(), "an execution without a snapshot");
  if (!execution_fails) replace_supervisor();
  queue_.push_back(Reexecuted{action.job, execution_fails ? "no such file" : ""});
}

void World::apply(const AdoptConfig& action) {
  claim(loaded_.contains(action.job), "a configuration is adopted that was never loaded");
  claim(!configs.contains(action.generation), "a generation is used twice");
  configs[action.generation] = loaded_[action.job];
  for (const PoolConfig& pool : loaded_[action.job].pools) trial_workers_[pool.name] = pool.workers;
}

void World::apply(const StopListening& /*action*/) {
  stopped_ = true;
  if (!stop_requested_) ++quick_stops_;  // it gives up by itself
}

void World::apply(const JobAccepted& action) {
  claim(action.request == requests, "an answer to nobody's request");
  claim(action.job > jobs_accepted, "a job id is used twice");
  jobs_accepted = action.job;
  jobs_running.insert(action.job);
}

void World::apply(const JobRefused& action) {
  claim(action.request == requests && !action.reason.empty(), "a refusal without a request or a reason");
}

/// Nobody has asked for this job.
bool World::is_own(JobId job) const {
  const JobKind kind = supervisor.job(job)->kind;
  return job > jobs_accepted && (kind == JobKind::rollback || kind == JobKind::reload);
}

void World::apply(const JobProgress& action) {
  if (is_own(action.job)) jobs_running.insert(action.job);
  claim(jobs_running.contains(action.job), "progress of no job");
}

void World::apply(const JobFinished& action) {
  claim(jobs_running.erase(action.job) == 1 || is_own(action.job), "a job ends that does not run");
  claim(action.result == JobState::done || !action.reason.empty(), "a job fails without a reason");
}

void World::apply(const Log& action) {
  const auto found = workers.find(static_cast<LaunchId>(action.pid - 1000));
  if (found != workers.end() && action.text.find("WORKER TIMEOUT") != std::string::npos)
    found->second.timed_out = true;
}

void World::apply(const RecordIncident& action) {
  recorded_.push_back(action);
}

void World::apply(const Exit& action) {
  claim(workers.empty() && templates.empty(), "the program ends before its workers and templates");
  claim(jobs_running.empty(), "the program ends before its jobs");
  exit_code = action.code;
}

const PoolConfig& World::config_of(const std::string& pool_name, Generation generation) const {
  const auto& pools = configs.at(generation).pools;
  return *std::find_if(pools.begin(), pools.end(),
                       [&](const PoolConfig& pool) { return pool.name == pool_name; });
}

}  // namespace gserve::core::testing
