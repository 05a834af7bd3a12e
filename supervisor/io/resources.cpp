// SPDX-License-Identifier: MIT
#include "supervisor/io/resources.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <variant>

#include "common/process_title.h"
#include "common/version.h"
#include "supervisor/config/address.h"
#include "supervisor/config/names.h"
#include "supervisor/config/pool_config.h"
#include "supervisor/io/master_hooks.h"

namespace gserve::io {
namespace {

constexpr int kExitFailure = 1;

/// The value of a setting that may be None.
std::string text_or_empty(const config::Settings& settings, std::string_view name) {
  return settings.is_none(name) ? std::string() : settings.text(name);
}

template <typename Value>
Value value_or_fail(std::variant<Value, std::string> result) {
  if (auto* reason = std::get_if<std::string>(&result)) throw StartFailure(kExitFailure, *reason);
  return std::get<Value>(std::move(result));
}

void enter_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::current_path(directory, error);
  if (error) throw StartFailure(kExitFailure, "cannot change to " + directory + ": " + error.message());
}

Log::Style style(const config::Settings& settings) {
  return settings.text("log_format") == "json" ? Log::Style::json : Log::Style::text;
}

/// Where else the lines of the log go.
Log with_syslog(Log log, const config::Settings& settings) {
  if (!settings.flag("syslog")) return log;
  log.copy_to(syslog::Sender(syslog::parse_target(settings.text("syslog_addr")).target,
                             syslog::facility(settings.text("syslog_facility")).value_or(1)),
              config::syslog_name(settings) + ".error");
  return log;
}

void start_metrics(Resources& resources, const config::Settings& settings) {
  auto metrics = Metrics::make(settings);
  if (!metrics) return;
  resources.metrics = std::make_unique<Metrics>(std::move(*metrics));
  resources.logs->count_in(resources.metrics.get());
}

/// What ps shows.
void show_name(const config::Settings& settings) {
  set_process_title("gserve: master [" + config::process_name(settings) + "]", true);
}

std::unique_ptr<LogFiles> open_logs(const config::Settings& settings) {
  Log errors = with_syslog(
      value_or_fail(Log::open(settings.text("errorlog"), config::log_level(settings), style(settings))),
      settings);
  std::optional<LogFile> access;
  if (!settings.is_none("accesslog")) {
    access = value_or_fail(LogFile::open(settings.text("accesslog"), STDOUT_FILENO));
  }
  return std::make_unique<LogFiles>(std::move(errors), std::move(access));
}

std::unique_ptr<PidfileLock> lock_pidfile(const config::Settings& settings) {
  if (settings.is_none("pidfile")) return nullptr;
  return std::make_unique<PidfileLock>(
      value_or_fail(PidfileLock::acquire(settings.text("pidfile"), ::getpid())));
}

std::unique_ptr<ControlDirectory> claim_control(const config::Settings& settings, const std::string& instance,
                                                LogFiles& logs) {
  if (settings.flag("control_socket_disable")) return nullptr;
  const auto mode = static_cast<mode_t>(settings.integer("control_socket_mode"));
  auto claim = ControlDirectory::claim(
      ControlPlace::from_environment(instance, text_or_empty(settings, "control_socket"), mode));
  if (auto* directory = std::get_if<ControlDirectory>(&claim)) {
    return std::make_unique<ControlDirectory>(std::move(*directory));
  }
  const auto& unavailable = std::get<ControlUnavailable>(claim);
  if (unavailable.kind != ControlUnavailable::Kind::no_directory) {
    throw StartFailure(kExitFailure, unavailable.reason);
  }
  logs.write({core::LogLevel::info, unavailable.reason});
  return nullptr;
}

struct OpenAdmin {
  // It tells what runs here: not everybody's business, other than the service itself.
  static constexpr mode_t kUmask = 0117;
  static constexpr int kBacklog = 16;

  std::variant<Listener, ListenError> operator()(const config::TcpAddress& address) const {
    return Listener::open(address, kBacklog, false);
  }
  std::variant<Listener, ListenError> operator()(const config::UnixAddress& address) const {
    return Listener::open(address, kBacklog, {kUmask, std::nullopt});
  }
  std::variant<Listener, ListenError> operator()(const config::InheritedAddress&) const {
    return ListenError{"--admin takes no inherited descriptor"};
  }
};

std::unique_ptr<Listener> open_admin(const config::Settings& settings) {
  if (settings.is_none("admin")) return nullptr;
  auto opened = std::visit(OpenAdmin{}, config::parse_address(settings.text("admin")).address);
  if (const auto* error = std::get_if<ListenError>(&opened))
    throw StartFailure(kExitFailure, "--admin: " + error->reason);
  return std::make_unique<Listener>(std::get<Listener>(std::move(opened)));
}

/// The manager keeps what it has room for, in case that we die.
void share_with_manager(ListenerSet& listeners, int room) {
  listeners.share([&](const Listener& listener) {
    return room > 0 && store_descriptor(listener.fd(), store_name(listener.describe())) && room-- > 0;
  });
}

std::unique_ptr<ServiceListeners> open_listeners(const StartContext& context, const Deployment& deployment,
                                                 LogFiles& logs, SignalQueue& signals) {
  const config::Settings& settings = deployment.settings;
  ListenerOptions options;
  options.reuse_port = settings.flag("reuse_port");
  options.unix_access.umask = static_cast<mode_t>(settings.integer("umask"));
  if (const auto& as = deployment.identity) options.unix_access.owner = std::pair(as->user, as->group);
  for (const std::string& text : settings.list("bind")) {
    options.addresses.push_back(config::parse_address(text).address);
  }
  options.backlog = static_cast<int>(settings.integer("backlog"));
  PassedDescriptors passed = value_or_fail(passed_descriptors(context.lookup(), ::getpid()));
  options.activated = std::move(passed.activated);
  options.stored = std::move(passed.stored);
  options.discard = [&](const StoredDescriptor& stored) {
    unstore_descriptor(stored.name);
    logs.write({core::LogLevel::info, "closed " + stored.name + ": no --bind names its address any more"});
  };
  options.wait = [&](std::chrono::milliseconds duration) {
    return signals.wait_unless_stopped(-1, duration);
  };
  options.log = [&](core::LogLevel level, const std::string& text) { logs.write({level, text}); };
  auto opened = ListenerSet::open(options);
  if (auto* failure = std::get_if<OpenFailure>(&opened)) {
    throw StartFailure(failure->interrupted ? 0 : kExitFailure, failure->reason);
  }
  auto& set = std::get<ListenerSet>(opened);
  share_with_manager(set, store_capacity(context.lookup()));
  return std::make_unique<ServiceListeners>(std::move(set));
}

std::unique_ptr<NotifySocket> open_notify_socket(const StartContext& context) {
  try {
    return std::make_unique<NotifySocket>(runtime_directories(context.environment, ::geteuid() == 0));
  } catch (const std::runtime_error& error) {
    throw StartFailure(kExitFailure, error.what());
  }
}

}  // namespace

Resources::Resources() = default;
Resources::Resources(Resources&&) noexcept = default;
Resources::~Resources() = default;

void restore_resources(const StartContext& context, Resources& resources, const ServiceState& state) {
  const config::Settings& settings = state.started_with;
  resources.instance = state.instance;
  show_name(settings);
  std::optional<LogFile> access;
  if (state.access_log >= 0) {
    access =
        LogFile::restore(text_or_empty(settings, "accesslog"), STDOUT_FILENO, UniqueFd(state.access_log));
  }
  LogFile errors = LogFile::restore(settings.text("errorlog"), STDERR_FILENO, UniqueFd(state.error_log));
  Log log(std::move(errors), config::log_level(settings), style(settings));
  resources.logs = std::make_unique<LogFiles>(with_syslog(std::move(log), settings), std::move(access));
  start_metrics(resources, settings);
  resources.hooks = std::make_unique<MasterHooks>(context, resources.instance, *resources.logs);
  if (state.hooks) resources.hooks->restore(*state.hooks);
  if (state.pidfile) resources.pidfile = std::make_unique<PidfileLock>(*state.pidfile, ::getpid());
  if (state.control) resources.control_directory = std::make_unique<ControlDirectory>(*state.control);
  if (state.admin) resources.admin = std::make_unique<Listener>(*state.admin);
  resources.listeners = std::make_unique<ServiceListeners>(ListenerSet(state.listeners));
  resources.notify = std::make_unique<NotifySocket>(state.notify);
}

void save_resources(const Resources& resources, ServiceState& state) {
  state.instance = resources.instance;
  state.error_log = resources.logs->error_fd();
  state.access_log = resources.logs->access_fd();
  if (resources.pidfile) state.pidfile = resources.pidfile->state();
  if (resources.control_directory) state.control = resources.control_directory->state();
  if (resources.admin) state.admin = resources.admin->state();
  state.listeners = resources.listeners->set().states();
  state.notify = resources.notify->state();
  state.hooks = resources.hooks->state();
}

Resources take_resources(const StartContext& context, const Deployment& deployment, SignalQueue& signals) {
  const config::Settings& settings = deployment.settings;
  Resources resources;
  enter_directory(settings.text("chdir"));
  resources.instance = config::instance_name(settings);
  show_name(settings);
  resources.logs = open_logs(settings);
  start_metrics(resources, settings);
  resources.logs->write({core::LogLevel::info, std::string("Starting gserve ") + kVersion});
  resources.pidfile = lock_pidfile(settings);
  resources.control_directory = claim_control(settings, resources.instance, *resources.logs);
  resources.admin = open_admin(settings);
  resources.hooks = std::make_unique<MasterHooks>(context, resources.instance, *resources.logs);
  resources.hooks->start(deployment, signals);
  resources.listeners = open_listeners(context, deployment, *resources.logs, signals);
  resources.notify = open_notify_socket(context);
  return resources;
}

}  // namespace gserve::io
