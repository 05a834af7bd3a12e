// SPDX-License-Identifier: MIT
#include "supervisor/io/shell.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <random>
#include <stdexcept>
#include <utility>

#include "common/version.h"
#include "supervisor/config/pool_config.h"
#include "supervisor/config/print.h"
#include "supervisor/config/unsafe.h"
#include "supervisor/io/admin_pages.h"
#include "supervisor/io/interpreter_environment.h"
#include "supervisor/io/memfd.h"
#include "supervisor/io/orphans.h"
#include "supervisor/io/process_usage.h"

namespace gserve::io {
namespace {

// How long the end of the process may wait for clients to take the result of their stop.
constexpr std::chrono::milliseconds kControlFlush{500};

constexpr std::chrono::milliseconds kOrphanPatience{1000};

constexpr std::chrono::seconds kBacklogEvery{1};  // as in gunicorn

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

LaunchSurroundings surroundings(const StartContext& context, const Resources& resources) {
  LaunchSurroundings common;
  common.instance = resources.instance;
  common.notify_path = resources.notify->path();
  common.python_directory = bundled_python_directory(context.binary_directory);
  common.environment = context.environment;
  common.directory = context.invocation.directory;
  common.descriptors = [&listeners = *resources.listeners, &logs = *resources.logs] {
    return SharedDescriptors{listeners.set().fds(), logs.error_fd(), logs.access_fd()};
  };
  return common;
}

/// Of the child that checks a state: it must not speak to our manager.
std::vector<std::string> check_environment(const StartContext& context) {
  auto environment = context.environment;
  erase_own_variables(environment);
  return entries(environment);
}

}  // namespace

ProgramCall program_call(const StartContext& context) {
  return {context.argv, entries(context.environment)};
}

Shell::Shell(const StartContext& context, SignalQueue& signals, Resources& resources,
             const Deployment& deployment)
    : Shell(context, signals, resources, Deployments(context, deployment, *resources.logs),
            core::Supervisor(config::supervisor_config(deployment.settings), random_seed())) {}

Shell::Shell(const StartContext& context, SignalQueue& signals, Resources& resources,
             const ServiceState& state, LiveLaunches& launches)
    : Shell(context, signals, resources, Deployments(context, state, *resources.logs),
            core::Supervisor(state.core)) {
  worker_launcher_.restore_handovers(state.handovers);
  incidents_.restore(state);
  workers_.restore(std::move(launches));
  workers_.restore(state.request_totals);
}

Shell::Shell(const StartContext& context, SignalQueue& signals, Resources& resources, Deployments deployments,
             core::Supervisor supervisor)
    : context_(context),
      signals_(signals),
      resources_(resources),
      deployments_(std::move(deployments)),
      process_launcher_(context.nofile),
      worker_launcher_(process_launcher_, surroundings(context, resources_)),
      workers_(worker_launcher_, deployments_, *resources_.logs, oom_counter_),
      hooked_(workers_, *resources_.hooks, [this](core::Event event) { engine_.deliver(std::move(event)); }),
      loop_([this](const std::string& fault) { log(core::LogLevel::error, "internal fault: " + fault); }),
      backlog_timer_(loop_.context()),
      upgrade_(process_launcher_,
               {context.binary, check_environment(context),
                [this](const std::string& path) { return encode(state(path)); }, [this] { loop_.stop(); }}),
      engine_(std::move(supervisor),
              ActionPorts{hooked_, deployments_, *resources_.logs, *resources_.listeners, notifier_, upgrade_,
                          incidents_},
              [this] { settle(); }) {
  loop_.watch(signals_.fd(), [this] { on_signals(); });
  loop_.watch(resources_.notify->fd(), [this] { on_notify(); });
  workers_.set_watch(
      [this](int fd, bool on) { on ? loop_.watch(fd, [this] { on_templates(); }) : loop_.unwatch(fd); });
  workers_.set_heir([this](const Remains& remains) {
    incidents_.gather(remains, resources_.logs->last_lines(remains.pid));
    if (remains.age != 0) {
      resources_.hooks->child_exit(remains.generation, {remains.launch, remains.pid, remains.age});
    }
  });
  start_control();
  start_admin();
}

Shell::~Shell() {
  resources_.hooks->detach();
}

int Shell::run() {
  announce();
  resources_.hooks->when_ready(signals_);
  attach_hooks();
  engine_.deliver(core::Started{});
  engine_.deliver(core::WatchdogSet{SystemdNotifier::watchdog_limit()});
  return serve();
}

int Shell::resume(const std::string& failure) {
  if (failure.empty()) {
    log(core::LogLevel::info, std::string("gserve ") + kVersion + " goes on with the service");
  }
  workers_.watch_templates();
  attach_hooks();
  engine_.deliver(core::WatchdogSet{SystemdNotifier::watchdog_limit()});
  const auto snapshot = engine_.supervisor().snapshot();
  engine_.deliver(core::Reexecuted{snapshot ? snapshot->upgrade.job : 0, failure});
  // What has happened meanwhile; its signals may have been taken by the other program.
  on_children();
  return serve();
}

int Shell::serve() {
  report_backlog();
  while (!engine_.exit_code()) {
    loop_.run();
    reexecute();
  }
  finish();
  return engine_.exit_code().value_or(1);
}

void Shell::attach_hooks() {
  deployments_.set_hooks(resources_.hooks.get());
  const core::StatusView view = engine_.supervisor().status();
  resources_.hooks->set_target(view.generation, view.target);
  resources_.hooks->attach(
      loop_, [this] { return workers_.present(); },
      [this](const core::HookCall& call) { hooked_.release(call.launch); },
      [this] {
        if (upgrade_.wanted()) loop_.stop();
      });
}

/// Whether no hook is in the way of the execution; if one is, the loop is left again when none is any more.
bool Shell::hooks_allow() {
  const core::JobId job = upgrade_.wanted()->job;
  if (std::exchange(pre_exec_job_, job) != job) resources_.hooks->pre_exec();
  return resources_.hooks->idle();
}

/// Everything that has happened is handled: what was asked for is still wanted, and nothing waits in a queue.
void Shell::reexecute() {
  if (!upgrade_.wanted() || !hooks_allow()) return;
  if (control_) control_->write_out(kControlFlush);
  const auto wanted = upgrade_.wanted();  // clients may have spoken
  if (!wanted || !resources_.hooks->idle()) return;
  upgrade_.forget_wanted();
  std::string failure;
  try {
    const ServiceState now = state(wanted->path);
    const UniqueFd memory = make_sealed_memfd("gserve-state", encode(now));
    failure = execute(wanted->path, program_call(context_), memory, descriptors(now));
  } catch (const std::exception& error) {
    failure = std::string("cannot pass the state on: ") + error.what();
  }
  engine_.deliver(core::Reexecuted{wanted->job, failure});
}

ServiceState Shell::state(const std::string& path) {
  ServiceState state;
  state.release = kVersion;
  state.binary = path;
  state.previous = context_.binary;
  state.argv = program_call(context_).argv;
  state.environment = program_call(context_).environment;
  state.directory = context_.invocation.directory;
  state.nofile_soft = context_.nofile.rlim_cur;
  state.nofile_hard = context_.nofile.rlim_max;
  state.started = context_.started;
  save_resources(resources_, state);
  state.started_with = deployments_.started_with();
  state.deployments = deployments_.states();
  workers_.save(state);
  incidents_.save(state);
  state.handovers = worker_launcher_.handovers();
  auto snapshot = engine_.supervisor().snapshot();
  if (!snapshot) throw std::logic_error("a reload or a stop is under way");
  state.core = std::move(*snapshot);
  return state;
}

void Shell::start_control() {
  if (!resources_.control_directory) return;
  control_ = std::make_unique<SdBusControl>(
      loop_.context(), *this, resources_.control_directory->listener(),
      [this](core::LogLevel level, const std::string& text) { log(level, text); });
  engine_.set_control(control_.get());
}

void Shell::start_admin() {
  if (!resources_.admin) return;
  const AdminPages pages({[this] { return status(); }, [this] { return metrics(); },
                          [this](std::string& why) { return wants_requests(why); }});
  admin_ = std::make_unique<AdminServer>(
      loop_.context(), resources_.admin->fd(), [pages](std::string_view path) { return pages.answer(path); },
      [this](core::LogLevel level, const std::string& text) { log(level, text); });
}

void Shell::announce() {
  for (const std::string& address : resources_.listeners->set().describe(deployments_.secure())) {
    log(core::LogLevel::info, "Listening at: " + address + " (" + std::to_string(::getpid()) + ")");
  }
  const config::Settings& settings = deployments_.find(1)->settings;
  const std::string& name = settings.text("worker_class");
  const bool threads = name == "sync" && settings.integer("threads") > 1;
  log(core::LogLevel::info, "Using worker: " + (threads ? "gthread" : name));
  log(core::LogLevel::info, "Workers run in " + deployments_.find(1)->python);
  for (std::string& warning : config::unsafe_settings(settings)) {
    log(core::LogLevel::warning, std::move(warning));
  }
  if (admin_) log(core::LogLevel::info, "Admin address: " + resources_.admin->describe());
  if (control_) log(core::LogLevel::debug, "Control socket: " + resources_.control_directory->path());
}

void Shell::on_signals() {
  for (const int signal : signals_.read()) on_signal(signal);
}

void Shell::on_signal(int signal) {
  const std::string by = signal_name(signal);
  switch (signal) {
    case SIGCHLD:
      return on_children();
    case SIGTERM:
      return engine_.deliver(core::StopRequested{0, core::StopMode::graceful, by, true});
    case SIGINT:
    case SIGQUIT:
      return engine_.deliver(core::StopRequested{0, core::StopMode::quick, by});
    case SIGHUP:
      return engine_.deliver(core::ReloadRequested{0, by});
    case SIGTTIN:
      return engine_.deliver(core::ScaleRequested{0, "", 1, true, by});
    case SIGTTOU:
      return engine_.deliver(core::ScaleRequested{0, "", -1, true, by});
    case SIGUSR1:
      return engine_.deliver(core::ReopenLogsRequested{0, by});
    case SIGUSR2:
      return engine_.deliver(core::UpgradeRequested{0, "", by});
    default:
      return;  // WINCH means something to a daemon only
  }
}

void Shell::on_notify() {
  for (const WorkerMessage& message : resources_.notify->receive()) {
    for (core::Event& event : workers_.understand(message)) engine_.deliver(std::move(event));
  }
}

void Shell::on_templates() {
  for (core::Event& event : workers_.hear_templates()) engine_.deliver(std::move(event));
}

void Shell::on_children() {
  const auto hear_all = [this] {
    on_templates();
    on_notify();
  };
  reap_children(hear_all, [this](const Reaped& reaped) {
    if (upgrade_.owns(reaped.pid)) {
      if (auto checked = upgrade_.ended(reaped)) engine_.deliver(*checked);
      return;
    }
    if (resources_.hooks->owns(reaped.pid)) return resources_.hooks->ended(reaped);
    if (deployments_.owns(reaped.pid)) {
      if (auto loaded = deployments_.ended(reaped)) engine_.deliver(std::move(*loaded));
      return;
    }
    for (core::Event& event : workers_.ended(reaped)) engine_.deliver(std::move(event));
  });
}

/// The queue of events is empty: arms the one timer, or ends.
void Shell::settle() {
  report_metrics();
  note_target();
  if (engine_.exit_code()) return loop_.stop();
  loop_.set_deadline(engine_.supervisor().next_deadline(), [this] { engine_.deliver(core::TimePassed{}); });
}

void Shell::note_target() {
  if (!resources_.hooks->any()) return;
  const core::StatusView view = engine_.supervisor().status();
  resources_.hooks->note(view.generation, view.target);
}

void Shell::report_metrics() {
  resources_.logs->flush();
  Metrics* metrics = resources_.metrics.get();
  if (metrics == nullptr) return;
  metrics->workers(engine_.supervisor().status().workers.size());
  if (const auto lost = metrics->take_lost()) {
    log(core::LogLevel::warning,
        "datagrams that statsd did not take: " + std::to_string(lost->datagrams) + ": " + lost->reason);
  }
}

void Shell::report_backlog() {
  if (!resources_.metrics || !resources_.metrics->wants_backlog()) return;
  if (const auto waiting = resources_.listeners->set().waiting()) resources_.metrics->backlog(*waiting);
  backlog_timer_.expires_after(kBacklogEvery);
  backlog_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) report_backlog();
  });
}

void Shell::finish() {
  deployments_.give_up();
  resources_.hooks->finish(signals_);
  const int orphans = end_orphans(signals_, kOrphanPatience);
  if (orphans > 0) {
    log(core::LogLevel::warning, "ended processes that workers had left behind: " + std::to_string(orphans));
  }
  resources_.logs->flush();
  engine_.set_control(nullptr);
  if (control_) control_->flush(kControlFlush);
  control_.reset();
  admin_.reset();
}

void Shell::log(core::LogLevel level, std::string text) {
  resources_.logs->write({level, std::move(text)});
}

ports::StatusReport Shell::status() {
  const core::TimePoint now = std::chrono::steady_clock::now();
  const core::StatusView view = engine_.supervisor().status();
  ports::StatusReport report;
  report.name = resources_.instance;
  report.pid = ::getpid();
  report.uptime = now - context_.started;
  report.generation = view.generation;
  report.target = view.target;
  report.ready = view.ready;
  report.state = view.state;
  report.previous = view.kept.value_or(0);
  if (view.bakes_until) report.bake_left = std::max(*view.bakes_until - now, core::Duration(1));
  report.rolled_back = view.rolled_back;
  report.listeners = resources_.listeners->set().describe(deployments_.secure());
  report.last_incident = incidents_.last_id();
  report.workers_started = view.workers_started;
  report.log = resources_.logs->place();
  for (const core::PoolView& pool : view.pools) {
    report.pools.push_back({pool.name, pool.target, pool.ready, pool.crash_looping, pool.failures,
                            pool.last_failure,
                            pool.next_start ? std::optional(*pool.next_start - now) : std::nullopt});
  }
  for (const core::TemplateView& view_of_template : view.templates) {
    report.templates.push_back(workers_.report(view_of_template, now));
  }
  for (const core::WorkerView& worker : view.workers) report.workers.push_back(workers_.report(worker, now));
  return report;
}

/// Of the workers of `pool` that serve.
int Shell::slots(const core::StatusView& view, const std::string& pool) const {
  int slots = 0;
  for (const core::WorkerView& worker : view.workers) {
    if (worker.pool != pool || worker.state != core::WorkerState::ready || worker.spare) continue;
    const Deployment* deployment = deployments_.find(worker.generation);
    if (deployment) slots += config::requests_at_once(deployment->settings);
  }
  return slots;
}

ports::MetricsReport Shell::metrics() {
  ports::MetricsReport report;
  report.status = status();
  const core::StatusView view = engine_.supervisor().status();
  RequestTotals totals = workers_.totals();
  for (const core::PoolView& pool : view.pools)
    report.pools.push_back({totals.of(pool.name), pool.exits, slots(view, pool.name)});
  report.jobs = view.jobs;
  for (const Listener& listener : resources_.listeners->set().all())
    report.queues.push_back({listener.describe(), listener.waiting()});
  report.process = own_process(context_.started);
  return report;
}

bool Shell::wants_requests(std::string& why) const {
  const core::StatusView view = engine_.supervisor().status();
  const std::string count =
      std::to_string(view.ready) + " of " + std::to_string(view.target) + " workers ready";
  if (view.state == core::SupervisorState::stopping) {
    why = "stopping";
  } else if (view.state == core::SupervisorState::starting) {
    why = "starting: " + count;
  } else {
    const bool served = std::all_of(view.pools.begin(), view.pools.end(),
                                    [](const core::PoolView& pool) { return pool.ready > 0; });
    why = served ? "ok" : "not serving: " + count;
    return served;
  }
  return false;
}

std::vector<ports::SettingReport> Shell::settings() {
  const Deployment* current = deployments_.find(engine_.supervisor().status().generation);
  std::vector<ports::SettingReport> report;
  for (config::PrintedSetting& setting : config::printed_settings(current->settings)) {
    report.push_back({std::move(setting.name), std::move(setting.value), std::move(setting.json),
                      std::move(setting.source), std::move(setting.origin)});
  }
  return report;
}

std::optional<core::JobView> Shell::job(core::JobId id) {
  return engine_.supervisor().job(id);
}

void Shell::submit(const core::Event& request) {
  engine_.deliver(request);
}

}  // namespace gserve::io
