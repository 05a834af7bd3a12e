// SPDX-License-Identifier: MIT
#include "tests/unit/core/walk.h"

#include <ostream>

#include "supervisor/core/names.h"
#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

using Kind = Step::Kind;

constexpr const char* kNames[] = {"ready",
                                  "all_ready",
                                  "crash",
                                  "boot_failure",
                                  "stopping",
                                  "due",
                                  "bloat",
                                  "drained",
                                  "all_drained",
                                  "hang",
                                  "hang_beside",
                                  "request_ends",
                                  "reload",
                                  "bad_reload",
                                  "answers",
                                  "scale",
                                  "graceful_stop",
                                  "quick_stop",
                                  "time",
                                  "no_memory",
                                  "template_ready",
                                  "template_crash",
                                  "template_boot_failure",
                                  "stale",
                                  "upgrade",
                                  "rollback",
                                  "refork",
                                  "errors",
                                  "code_change",
                                  "restart",
                                  "restart_worker",
                                  "kill_worker",
                                  "reopen"};

SupervisorConfig config_of(const Walk& walk) {
  SupervisorConfig config;
  config.pools.clear();
  for (int i = 0; i < walk.pools; ++i) {
    PoolConfig pool;
    pool.name = i == 0 ? "web" : "api";
    pool.workers = walk.workers + i;
    pool.surge = walk.surge;
    pool.preload = walk.preload;
    pool.watches_code = true;
    if (walk.bake) pool.bake = 20s;
    pool.timeout = std::chrono::seconds(walk.timeout);
    pool.pre_stop_delay = std::chrono::seconds(walk.stop_delay);
    pool.graceful_timeout = 10s;
    pool.boot_timeout = 20s;
    if (walk.memory_limit) pool.max_worker_memory = 1000;
    if (walk.lifetime_limit) pool.max_worker_lifetime = 100s;
    config.pools.push_back(pool);
  }
  return config;
}

class Hash {
 public:
  void add(std::uint64_t number) { value_ = (value_ ^ number) * 0x100000001b3U; }
  void add(const std::string& text) { add(std::hash<std::string>{}(text)); }
  void add(const Action& action) {
    add(action.index());
    std::visit([this](const auto& a) { detail(a); }, action);
  }
  std::uint64_t value() const { return value_; }

 private:
  void detail(const Spawn& a) { add(a.launch), add(a.pool), add(a.generation); }
  void detail(const SpawnTemplate& a) { add(a.launch), add(a.pool), add(a.generation); }
  void detail(const SignalWorker& a) { add(a.launch), add(static_cast<std::uint64_t>(a.signal)); }
  void detail(const Log& a) { add(a.text); }
  void detail(const JobFinished& a) { add(a.job), add(static_cast<std::uint64_t>(a.result)), add(a.reason); }
  void detail(const RecordIncident& a) { add(a.launch), add(name_of(a.kind)), add(a.reason), add(a.details); }
  void detail(const JobProgress& a) { add(a.job), add(a.text); }
  template <typename Other>
  void detail(const Other& /*action*/) {}

  std::uint64_t value_ = 0xcbf29ce484222325U;
};

class Walker {
 public:
  Walker(const Walk& walk, const Journey& journey)
      : walk_(walk), config_(config_of(walk)), world_(config_, walk.seed) {
    world_.carried_off = journey.carried_off;
    world_.carry = journey.carry;
    if (walk.watchdog) world_.watchdog = 6s;
  }

  Outcome run() {
    world_.start();
    for (const Step& step : walk_.steps) {
      world_.pass(1ms);
      take(step);
      record();
      if (!world_.broken.empty() || world_.exit_code) break;
    }
    if (world_.broken.empty()) come_to_rest();
    return {world_.broken, trace_.value()};
  }

 private:
  void record() {
    for (const Action& action : world_.last) trace_.add(action);
    if (const auto deadline = world_.supervisor.next_deadline()) {
      trace_.add(static_cast<std::uint64_t>(deadline->time_since_epoch().count()));
    }
  }

  /// One of the workers that `fits`, or 0.
  template <typename Fits>
  LaunchId pick(const Step& step, Fits fits) const {
    std::vector<LaunchId> found;
    for (const auto& [launch, worker] : world_.workers) {
      if (worker.spawned && fits(worker)) found.push_back(launch);
    }
    return found.empty() ? 0 : found[step.pick % found.size()];
  }

  template <typename Fits>
  LaunchId pick_template(const Step& step, Fits fits) const {
    std::vector<LaunchId> found;
    for (const auto& [launch, handle] : world_.templates) {
      if (handle.spawned && fits(handle)) found.push_back(launch);
    }
    return found.empty() ? 0 : found[step.pick % found.size()];
  }

  void take(const Step& step);
  void take_worker(const Step& step);
  void take_load(const Step& step);
  void take_request(const Step& step);
  void take_worker_order(const Step& step);
  void take_template(const Step& step);
  void take_reload(const Step& step);
  void take_stale(const Step& step);
  void come_to_rest();
  void check_templates();

  const Walk& walk_;
  SupervisorConfig config_;
  World world_;
  Hash trace_;
  int changes_ = 0;
};

void Walker::take(const Step& step) {
  static constexpr Duration kJumps[] = {50ms, 500ms, 1500ms, 7s, 25s, 70s};
  world_.last.clear();
  switch (step.kind) {
    case Kind::time:
      return world_.pass(kJumps[step.pick % std::size(kJumps)]);
    case Kind::no_memory:
      world_.fail_spawns = step.value % 2 == 0;
      return;
    case Kind::answers:
      world_.hold_spawns = step.value % 4 == 0;
      world_.hold_loads = step.value % 3 == 0;
      return world_.release();
    case Kind::template_ready:
    case Kind::template_crash:
    case Kind::template_boot_failure:
      return take_template(step);
    case Kind::stale:
      return take_stale(step);
    case Kind::bloat:
    case Kind::hang:
    case Kind::hang_beside:
    case Kind::request_ends:
    case Kind::errors:
      return take_load(step);
    case Kind::reload:
    case Kind::bad_reload:
    case Kind::scale:
    case Kind::graceful_stop:
    case Kind::quick_stop:
    case Kind::upgrade:
    case Kind::rollback:
    case Kind::refork:
    case Kind::restart:
    case Kind::restart_worker:
    case Kind::kill_worker:
    case Kind::reopen:
      return take_request(step);
    default:
      return take_worker(step);
  }
}

/// What workers say, and how they end.
void Walker::take_worker(const Step& step) {
  const auto anyone = [](const FakeWorker&) { return true; };
  const auto boots = [](const FakeWorker& worker) { return worker.boots(); };
  const auto drains = [](const FakeWorker& worker) { return worker.told || worker.stopping; };
  switch (step.kind) {
    case Kind::ready:
      if (const LaunchId launch = pick(step, boots)) world_.ready(launch);
      return;
    case Kind::all_ready:
      return world_.all_ready();
    case Kind::crash:
      if (const LaunchId launch = pick(step, anyone)) {
        ExitStatus status{ExitStatus::Kind::signalled, SIGKILL};
        status.out_of_memory = step.value % 4 == 0;
        world_.exit(launch, status);
      }
      return;
    case Kind::boot_failure:
      if (const LaunchId launch = pick(step, boots)) {
        world_.send(WorkerBootError{launch, "no module named app"});
        world_.exit(launch, {ExitStatus::Kind::exited, step.value % 4 == 0 ? 3 : 1});
      }
      return;
    case Kind::stopping:
      if (const LaunchId launch = pick(step, anyone)) world_.stopping(launch);
      return;
    case Kind::due:
      if (const LaunchId launch = pick(step, anyone)) world_.due(launch);
      return;
    case Kind::code_change:
      if (const LaunchId launch = pick(step, anyone))
        world_.change(launch, "app.py", std::to_string(++changes_));
      return;
    case Kind::drained:
      if (const LaunchId launch = pick(step, drains)) world_.exit(launch);
      return;
    case Kind::all_drained:
      return world_.all_told_exit();
    default:
      return;
  }
}

/// What workers do, and nobody is told of until he looks.
void Walker::take_load(const Step& step) {
  const auto anyone = [](const FakeWorker&) { return true; };
  const auto serves = [](const FakeWorker& worker) { return worker.serves(); };
  switch (step.kind) {
    case Kind::bloat:
      if (const LaunchId launch = pick(step, anyone)) world_.workers.at(launch).rss_bytes = 1001;
      return;
    case Kind::hang:
      if (const LaunchId launch = pick(step, serves)) world_.workers.at(launch).request_start = world_.now;
      return;
    case Kind::hang_beside:
      if (const LaunchId launch = pick(step, anyone)) world_.workers.at(launch).other_start = world_.now;
      return;
    case Kind::request_ends:
      if (const LaunchId launch = pick(step, anyone)) {
        FakeWorker& worker = world_.workers.at(launch);
        (step.value % 2 == 0 ? worker.other_start : worker.request_start).reset();
      }
      return;
    case Kind::errors:
      if (const LaunchId launch = pick(step, serves)) {
        world_.workers.at(launch).requests += step.value;
        world_.workers.at(launch).errors += step.value / 4;
      }
      return;
    default:
      return;
  }
}

/// What operators ask for.
void Walker::take_request(const Step& step) {
  switch (step.kind) {
    case Kind::reload:
      return take_reload(step);
    case Kind::bad_reload:
      return world_.reload(std::nullopt);
    case Kind::scale: {
      const bool relative = step.value % 2 == 0;
      return world_.scale(relative ? step.value % 5 - 2 : step.pick % 8, relative,
                          walk_.pools > 1 && step.value % 3 == 0 ? "api" : "");
    }
    case Kind::graceful_stop:
      return world_.stop(StopMode::graceful);
    case Kind::quick_stop:
      return world_.stop(StopMode::quick);
    case Kind::upgrade:
      world_.new_program_fault = step.value % 4 == 0 ? "it crashed" : "";
      world_.execution_fails = step.value % 5 == 0;
      return world_.upgrade(step.value % 2 == 0 ? "/usr/bin/gserve" : "");
    case Kind::rollback:
      return world_.rollback();
    case Kind::refork:
      return world_.refork();
    case Kind::restart:
      return world_.restart();
    case Kind::restart_worker:
    case Kind::kill_worker:
      return take_worker_order(step);
    case Kind::reopen:
      world_.reopen_failure = step.value % 4 == 0 ? "no such directory" : "";
      return world_.reopen();
    default:
      return;
  }
}

/// Also about workers that are no more, and about templates.
void Walker::take_worker_order(const Step& step) {
  const LaunchId some = pick(step, [](const FakeWorker&) { return true; });
  const LaunchId launch = step.value % 8 == 0 || some == 0 ? step.pick : some;
  step.kind == Kind::restart_worker ? world_.restart_worker(launch) : world_.kill_worker(launch);
}

void Walker::take_template(const Step& step) {
  const auto anyone = [](const FakeTemplate&) { return true; };
  const auto boots = [](const FakeTemplate& handle) { return handle.boots(); };
  const LaunchId launch =
      step.kind == Kind::template_crash ? pick_template(step, anyone) : pick_template(step, boots);
  if (launch == 0) return;
  if (step.kind == Kind::template_ready) return world_.ready(launch);
  if (step.kind == Kind::template_crash) {
    return world_.exit_template(launch, {ExitStatus::Kind::signalled, SIGKILL});
  }
  world_.send(WorkerBootError{launch, "no module named app"});
  world_.exit_template(launch, {ExitStatus::Kind::exited, step.value % 4 == 0 ? 3 : 1});
}

void Walker::take_reload(const Step& step) {
  SupervisorConfig next = config_;
  if (step.value % 3 == 0) next.pools.front().workers = 1 + step.pick % 5;
  if (step.value % 5 == 4) next.pools.front().preload = !next.pools.front().preload;
  if (step.value % 16 == 1) next.pools.front().name = "other";
  world_.reload(next);
  if (next.pools.front().name != "other") config_ = next;
}

void Walker::take_stale(const Step& step) {
  const LaunchId launch = step.pick;  // of long ago, or not yet used, or alive
  const bool alive = world_.workers.contains(launch) || world_.templates.contains(launch);
  switch (step.value % 5) {
    case 0:
      return world_.send(TimePassed{});
    case 1:
      return alive ? void() : world_.send(WorkerReady{launch});
    case 2:
      return alive ? void() : world_.send(WorkerExited{launch, {}});
    case 3:
      return world_.send(ConfigRejected{step.pick + 1000U, "late"});
    default:
      return world_.send(ReopenLogsRequested{0, "SIGUSR1"});
  }
}

void Walker::come_to_rest() {
  world_.obedient = world_.eager = true;
  world_.hold_spawns = world_.hold_loads = world_.fail_spawns = false;
  world_.release();
  for (auto& [launch, worker] : world_.workers) worker.request_start.reset();
  for (auto& [launch, worker] : world_.workers) worker.rss_bytes = 0;
  world_.all_ready();
  for (const auto& [launch, handle] : std::map(world_.templates)) {
    if (world_.templates.contains(launch) && world_.templates.at(launch).ending())
      world_.exit_template(launch, {});
  }
  world_.all_ready();  // who was to become a template
  std::set<LaunchId> due = world_.due_workers();
  std::erase_if(due, [&](LaunchId launch) { return world_.is_due_for_a_job(launch); });
  for (const LaunchId launch : world_.launches()) {
    if (!world_.workers.contains(launch)) continue;
    const FakeWorker& worker = world_.worker(launch);
    if (worker.told || worker.stopping || worker.aborted || worker.killed) world_.exit(launch);
  }
  for (int i = 0; i < 8 && !world_.exit_code; ++i) world_.pass(10s);
  if (!world_.broken.empty()) return;
  if (!world_.jobs_running.empty()) {
    world_.broken = "job " + std::to_string(*world_.jobs_running.begin()) + " never ends";
  }
  for (const LaunchId launch : due) {
    if (world_.workers.contains(launch) && !world_.exit_code)
      world_.broken = "due worker " + std::to_string(launch) + " is never replaced";
  }
  for (const PoolView& pool : world_.supervisor.status().pools) {
    if (!world_.exit_code && pool.ready != pool.target)
      world_.broken = "pool " + pool.name + " never settles";
  }
  if (!world_.broken.empty() || world_.exit_code) return;
  check_templates();
  for (const auto& [launch, worker] : world_.workers) {
    if (worker.resting) world_.broken = "a spare that nobody needs";
  }
  if (!world_.broken.empty()) return;
  world_.stop();
  world_.pass(std::chrono::seconds(walk_.stop_delay));
  if (world_.broken.empty() && world_.exit_code != 0) world_.broken = "the stop never ends";
}

/// One ready template for each pool with preload, of the generation that serves, and no other one.
void Walker::check_templates() {
  const StatusView status = world_.supervisor.status();
  std::size_t wanted = 0;
  for (const PoolConfig& pool : world_.configs.at(status.generation).pools) wanted += pool.preload ? 1 : 0;
  if (world_.templates.size() != wanted) world_.broken = "a template too many or too few";
  for (const auto& [launch, handle] : world_.templates) {
    if (!handle.ready || handle.generation != status.generation)
      world_.broken = "a template that is of no use";
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Walk& walk) {
  out << "seed " << walk.seed << ", " << +walk.pools << " pools of " << +walk.workers << ", surge "
      << +walk.surge << ", timeout " << +walk.timeout << (walk.memory_limit ? ", memory" : "")
      << (walk.lifetime_limit ? ", lifetime" : "") << (walk.preload ? ", preload" : "")
      << (walk.bake ? ", bake" : "") << (walk.watchdog ? ", watchdog" : "") << ", stop delay "
      << +walk.stop_delay << ':';
  for (const Step& step : walk.steps) {
    out << ' ' << kNames[static_cast<int>(step.kind)] << '(' << +step.pick << ',' << +step.value << ')';
  }
  return out;
}

Outcome run(const Walk& walk, const Journey& journey) {
  return Walker(walk, journey).run();
}

}  // namespace gserve::core::testing
