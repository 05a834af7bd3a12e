// SPDX-License-Identifier: MIT
#include "supervisor/io/service_state.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

#include "supervisor/config/utf8.h"
#include "supervisor/core/names.h"

namespace gserve::io {
namespace {

using Json = nlohmann::json;

/// Leaves the reading at any depth; decode returns what it says.
struct Unreadable {
  std::string what;
};

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;

const char* name_of(config::Source source) {
  switch (source) {
    case config::Source::builtin:
      return "builtin";
    case config::Source::environment:
      return "environment";
    case config::Source::config_file:
      return "config_file";
    case config::Source::args_environment:
      return "args_environment";
    case config::Source::command_line:
      return "command_line";
  }
  return "unknown";
}

// One list of fields for each record, for writing and for reading: they cannot drift apart.

template <typename Visitor>
void fields(Visitor& visit, core::BackoffRecord& record) {
  visit("gate", record.gate);
  visit("incidents", record.incidents);
  visit("failures", record.failures);
  visit("window", record.window);
  visit("calm_since", record.calm_since);
}

template <typename Visitor>
void fields(Visitor& visit, core::PoolConfig& config) {
  visit("name", config.name);
  visit("workers", config.workers);
  visit("boot_timeout", config.boot_timeout);
  visit("timeout", config.timeout);
  visit("graceful_timeout", config.graceful_timeout);
  visit("pre_stop_delay", config.pre_stop_delay);
  visit("surge", config.surge);
  visit("max_worker_memory", config.max_worker_memory);
  visit("max_worker_lifetime", config.max_worker_lifetime);
  visit("preload", config.preload);
}

template <typename Visitor>
void fields(Visitor& visit, core::CohortRecord& record) {
  visit("generation", record.generation);
  visit("config", record.config);
  visit("backoff", record.backoff);
  visit("last_failure", record.last_failure);
}

template <typename Visitor>
void fields(Visitor& visit, core::PoolRecord& record) {
  visit("name", record.name);
  visit("target", record.target);
  visit("cohorts", record.cohorts);
}

template <typename Visitor>
void fields(Visitor& visit, core::WorkerFacts& facts) {
  visit("launch", facts.launch);
  visit("pool", facts.pool);
  visit("generation", facts.generation);
  visit("boot_timeout", facts.boot_timeout);
  visit("timeout", facts.timeout);
  visit("graceful_timeout", facts.graceful_timeout);
  visit("max_memory", facts.max_memory);
  visit("max_lifetime", facts.max_lifetime);
  visit("started", facts.started);
  visit("from", facts.from);
  visit("pid", facts.pid);
  visit("owed_signal", facts.owed_signal);
  visit("ready_at", facts.ready_at);
  visit("retired", facts.retired);
  visit("replaced", facts.replaced);
  visit("leaving", facts.leaving);
  visit("blamed", facts.blamed);
  visit("drain_limit", facts.drain_limit);
  visit("boot_error", facts.boot_error);
  visit("due", facts.due);
  visit("overdue_since", facts.overdue_since);
}

template <typename Visitor>
void fields(Visitor& visit, core::WorkerRecord& record) {
  visit("facts", record.facts);
  visit("state", record.state);
}

template <typename Visitor>
void fields(Visitor& visit, core::TemplateFacts& facts) {
  visit("launch", facts.launch);
  visit("pool", facts.pool);
  visit("generation", facts.generation);
  visit("boot_timeout", facts.boot_timeout);
  visit("started", facts.started);
  visit("pid", facts.pid);
  visit("owed_signal", facts.owed_signal);
  visit("ready_at", facts.ready_at);
  visit("told", facts.told);
  visit("boot_error", facts.boot_error);
}

template <typename Visitor>
void fields(Visitor& visit, core::TemplateRecord& record) {
  visit("facts", record.facts);
  visit("state", record.state);
}

template <typename Visitor>
void fields(Visitor& visit, core::JobView& job) {
  visit("id", job.id);
  visit("kind", job.kind);
  visit("state", job.state);
  visit("reason", job.reason);
  visit("progress", job.progress);
}

template <typename Visitor>
void fields(Visitor& visit, core::JobRecord& record) {
  visit("job", record.job);
  visit("finished", record.finished);
}

template <typename Visitor>
void fields(Visitor& visit, core::ScaleRecord& record) {
  visit("job", record.job);
  visit("target", record.target);
  visit("first_launch", record.first_launch);
  visit("crashes", record.crashes);
}

template <typename Visitor>
void fields(Visitor& visit, core::UpgradeRecord& record) {
  visit("job", record.job);
  visit("executing", record.executing);
}

template <typename Visitor>
void fields(Visitor& visit, core::TimerRecord& record) {
  visit("kind", record.owner.kind);
  visit("id", record.owner.id);
  visit("when", record.when);
}

template <typename Visitor>
void fields(Visitor& visit, core::Snapshot& snapshot) {
  visit("generation", snapshot.generation);
  visit("newest", snapshot.newest);
  visit("next_launch", snapshot.next_launch);
  visit("next_age", snapshot.next_age);
  visit("random", snapshot.random);
  visit("ever_ready", snapshot.ever_ready);
  visit("told_ready", snapshot.told_ready);
  visit("told_reloading", snapshot.told_reloading);
  visit("pools", snapshot.pools);
  visit("workers", snapshot.workers);
  visit("templates", snapshot.templates);
  visit("next_job", snapshot.next_job);
  visit("jobs", snapshot.jobs);
  visit("scales", snapshot.scales);
  visit("upgrade", snapshot.upgrade);
  visit("timers", snapshot.timers);
}

template <typename Visitor>
void fields(Visitor& visit, FileIdentity& file) {
  visit("path", file.path);
  visit("device", file.device);
  visit("inode", file.inode);
}

template <typename Visitor>
void fields(Visitor& visit, ListenerState& listener) {
  visit("fd", listener.fd);
  visit("inherited", listener.inherited);
  visit("file", listener.file);
}

template <typename Visitor>
void fields(Visitor& visit, PidfileState& pidfile) {
  visit("fd", pidfile.fd);
  visit("path", pidfile.path);
}

template <typename Visitor>
void fields(Visitor& visit, ControlState& control) {
  visit("listener", control.listener);
  visit("directory", control.directory);
  visit("socket", control.socket);
  visit("created", control.created);
}

template <typename Visitor>
void fields(Visitor& visit, NotifyState& notify) {
  visit("fd", notify.fd);
  visit("made_base", notify.made_base);
  visit("directory", notify.directory);
  visit("path", notify.path);
}

template <typename Visitor>
void fields(Visitor& visit, DeploymentState& deployment) {
  visit("generation", deployment.generation);
  visit("settings", deployment.settings);
  visit("python", deployment.python);
}

template <typename Visitor>
void fields(Visitor& visit, LaunchState& launch) {
  visit("id", launch.id);
  visit("generation", launch.generation);
  visit("pool", launch.pool);
  visit("pid", launch.pid);
  visit("pidfd", launch.pidfd);
  visit("lifeline", launch.lifeline);
  visit("incident", launch.incident);
  visit("scoreboard", launch.scoreboard);
}

template <typename Visitor>
void fields(Visitor& visit, TemplateState& state) {
  visit("launch", state.launch);
  visit("control", state.control);
}

template <typename Visitor>
void fields(Visitor& visit, SaidState& said) {
  visit("sender", said.sender);
  visit("text", said.text);
}

template <typename Visitor>
void fields(Visitor& visit, ForkState& fork) {
  visit("from", fork.from);
  visit("worker", fork.worker);
  visit("said", fork.said);
}

template <typename Visitor>
void fields(Visitor& visit, HandoverState& handover) {
  visit("pool", handover.pool);
  visit("one", handover.one);
  visit("other", handover.other);
}

template <typename Visitor>
void fields(Visitor& visit, ServiceState& state) {
  visit("release", state.release);
  visit("binary", state.binary);
  visit("previous", state.previous);
  visit("argv", state.argv);
  visit("environment", state.environment);
  visit("directory", state.directory);
  visit("nofile_soft", state.nofile_soft);
  visit("nofile_hard", state.nofile_hard);
  visit("started", state.started);
  visit("instance", state.instance);
  visit("error_log", state.error_log);
  visit("access_log", state.access_log);
  visit("pidfile", state.pidfile);
  visit("control", state.control);
  visit("listeners", state.listeners);
  visit("notify", state.notify);
  visit("started_with", state.started_with);
  visit("deployments", state.deployments);
  visit("launches", state.launches);
  visit("templates", state.templates);
  visit("forks", state.forks);
  visit("handovers", state.handovers);
  visit("core", state.core);
}

class Writer {
 public:
  template <typename T>
  void operator()(const char* name, const T& value) {
    object_[name] = write(value);
  }

  template <typename T>
  static Json write(const T& value);

 private:
  static Json write_settings(const config::Settings& settings);

  Json object_ = Json::object();
};

/// A path may be any bytes, JSON holds UTF-8 only: what is not UTF-8 becomes a list of bytes.
Json write_text(const std::string& text) {
  if (config::is_utf8(text)) return text;
  return std::vector<unsigned char>(text.begin(), text.end());
}

template <typename T>
Json Writer::write(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return write_text(value);
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return nullptr;
  } else if constexpr (std::is_same_v<T, core::Duration>) {
    return value.count();
  } else if constexpr (std::is_same_v<T, core::TimePoint>) {
    return value.time_since_epoch().count();
  } else if constexpr (std::is_enum_v<T>) {
    return name_of(value);
  } else if constexpr (kIsOptional<T>) {
    return value ? write(*value) : Json();
  } else if constexpr (kIsVector<T>) {
    Json items = Json::array();
    for (const auto& item : value) items.push_back(write(item));
    return items;
  } else if constexpr (std::is_same_v<T, config::Settings>) {
    return write_settings(value);
  } else {
    Writer writer;
    fields(writer, const_cast<T&>(value));
    return std::move(writer.object_);
  }
}

/// What stands at its default is left out: a new program may have another default, and other settings.
Json Writer::write_settings(const config::Settings& settings) {
  Json object = Json::object();
  for (const config::Setting& row : config::table()) {
    const config::Value& value = settings.value(row.name);
    const config::Source source = settings.source(row.name);
    if (source == config::Source::builtin && value == row.builtin) continue;
    object[std::string(row.name)] = {
        {"source", name_of(source)},
        {"value", std::visit([](const auto& held) { return write(held); }, value)}};
  }
  return object;
}

/// Reads one value; `where` names it for messages.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  template <typename T>
  void operator()(const char* name, T& value) const {
    member(name).read(value);
  }

  template <typename T>
  void read(T& value) const;

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw Unreadable{where_ + " " + what}; }
  void expect(bool holds, const char* what) const {
    if (!holds) refuse(std::string("must be ") + what);
  }

  Reader member(const std::string& name) const {
    expect(json_.is_object(), "an object");
    const auto found = json_.find(name);
    if (found == json_.end()) refuse("lacks \"" + name + '"');
    return {*found, where_ + "." + name};
  }

  template <typename T>
  void read_integer(T& value) const;
  template <typename T>
  void read_name(T& value) const;
  void read_text(std::string& value) const;
  void read_settings(config::Settings& settings) const;
  void read_setting(config::Settings& settings, const std::string& name) const;
  config::Value read_value(config::Kind kind) const;

  const Json& json_;
  std::string where_;
};

template <typename T>
void Reader::read(T& value) const {
  if constexpr (std::is_same_v<T, bool>) {
    expect(json_.is_boolean(), "true or false");
    value = json_.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    expect(json_.is_number(), "a number");
    value = json_.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    read_text(value);
  } else if constexpr (std::is_same_v<T, core::Duration>) {
    core::Duration::rep count = 0;
    read_integer(count);
    value = core::Duration(count);
  } else if constexpr (std::is_same_v<T, core::TimePoint>) {
    core::Duration since{};
    read(since);
    value = core::TimePoint(since);
  } else if constexpr (std::is_enum_v<T>) {
    read_name(value);
  } else if constexpr (kIsOptional<T>) {
    value.reset();
    if (!json_.is_null()) read(value.emplace());
  } else if constexpr (kIsVector<T>) {
    expect(json_.is_array(), "a list");
    value.clear();
    for (std::size_t i = 0; i < json_.size(); ++i) {
      Reader(json_[i], where_ + "[" + std::to_string(i) + "]").read(value.emplace_back());
    }
  } else if constexpr (std::is_same_v<T, config::Settings>) {
    read_settings(value);
  } else {
    fields(*this, value);
  }
}

template <typename T>
void Reader::read_integer(T& value) const {
  expect(json_.is_number_integer(), "a whole number");
  const bool fits = json_.is_number_unsigned() ? std::in_range<T>(json_.get<std::uint64_t>())
                                               : std::in_range<T>(json_.get<std::int64_t>());
  expect(fits, "in the range of its kind");
  value = json_.get<T>();
}

template <typename T>
void Reader::read_name(T& value) const {
  constexpr int kMost = 16;  // no enumeration has more
  expect(json_.is_string(), "a name");
  for (int i = 0; i < kMost; ++i) {
    if (json_.get_ref<const std::string&>() != name_of(static_cast<T>(i))) continue;
    value = static_cast<T>(i);
    return;
  }
  refuse("is \"" + json_.get<std::string>() + "\", which is not known");
}

void Reader::read_text(std::string& value) const {
  if (json_.is_string()) {
    value = json_.get<std::string>();
    return;
  }
  std::vector<std::uint8_t> bytes;
  expect(json_.is_array(), "a text");
  read(bytes);
  value.assign(bytes.begin(), bytes.end());
}

void Reader::read_settings(config::Settings& settings) const {
  expect(json_.is_object(), "an object");
  settings = config::Settings();
  for (const auto& [name, entry] : json_.items()) member(name).read_setting(settings, name);
}

void Reader::read_setting(config::Settings& settings, const std::string& name) const {
  const config::Setting* row = config::find_setting(name);
  if (row == nullptr) refuse("is not a setting of this version");
  config::Source source{};
  (*this)("source", source);
  const Reader value = member("value");
  if (value.json_.is_null()) {
    if (!std::holds_alternative<std::monostate>(row->builtin)) value.refuse("must not be null");
    return;
  }
  const std::string wrong = settings.set(name, value.read_value(row->kind), source);
  if (!wrong.empty()) value.refuse(wrong);
}

config::Value Reader::read_value(config::Kind kind) const {
  const auto as = [this](auto value) -> config::Value {
    read(value);
    return value;
  };
  switch (kind) {
    case config::Kind::flag:
      return as(false);
    case config::Kind::integer:
    case config::Kind::bytes:
      return as(std::int64_t{});
    case config::Kind::seconds:
      return as(double{});
    case config::Kind::text:
      return as(std::string());
    case config::Kind::list:
      return as(std::vector<std::string>());
  }
  refuse("is of no kind");
}

bool has(const std::vector<DeploymentState>& deployments, core::Generation generation) {
  return std::any_of(deployments.begin(), deployments.end(),
                     [&](const DeploymentState& deployment) { return deployment.generation == generation; });
}

void check_descriptors(const ServiceState& state) {
  std::set<int> seen;
  for (const int fd : descriptors(state)) {
    if (fd <= 2) throw Unreadable{"it lacks a descriptor"};
    if (!seen.insert(fd).second) throw Unreadable{"descriptor " + std::to_string(fd) + " is there twice"};
  }
}

/// Whether a process that the core believes in is there.
bool has_process(const ServiceState& state, core::LaunchId id, core::Pid pid) {
  const auto same = [&](const LaunchState& launch) { return launch.id == id && launch.pid == pid; };
  return pid == 0 || std::any_of(state.launches.begin(), state.launches.end(), same);
}

/// What the core knows and what the shell holds must fit together.
void check(const ServiceState& state) {
  if (std::string wrong = wrong_with(state.core); !wrong.empty()) throw Unreadable{std::move(wrong)};
  check_descriptors(state);
  for (const core::PoolRecord& pool : state.core.pools) {
    for (const core::CohortRecord& cohort : pool.cohorts) {
      if (!has(state.deployments, cohort.generation))
        throw Unreadable{"generation " + std::to_string(cohort.generation) + " has no settings"};
    }
  }
  for (const core::WorkerRecord& worker : state.core.workers) {
    if (!has_process(state, worker.facts.launch, worker.facts.pid))
      throw Unreadable{"worker " + std::to_string(worker.facts.launch) + " has no process"};
  }
  for (const core::TemplateRecord& origin : state.core.templates) {
    const core::LaunchId id = origin.facts.launch;
    const auto own = [&](const TemplateState& socket) { return socket.launch == id; };
    const bool controlled = std::any_of(state.templates.begin(), state.templates.end(), own);
    if (!has_process(state, id, origin.facts.pid) || (origin.facts.pid != 0 && !controlled))
      throw Unreadable{"template " + std::to_string(id) + " has no process"};
  }
}

ServiceState read_state(const Json& json) {
  int format = 0;
  std::string release;
  const Reader reader(json, "the state");
  reader("format", format);
  reader("release", release);
  if (format != kStateFormat) {
    throw Unreadable{"it has format " + std::to_string(format) + " (gserve " + release +
                     "), this version reads format " + std::to_string(kStateFormat)};
  }
  ServiceState state;
  reader.read(state);
  check(state);
  return state;
}

}  // namespace

std::vector<int> descriptors(const ServiceState& state) {
  std::vector<int> fds = {state.error_log, state.notify.fd};
  if (state.access_log >= 0) fds.push_back(state.access_log);
  if (state.pidfile) fds.push_back(state.pidfile->fd);
  if (state.control) fds.insert(fds.end(), {state.control->listener, state.control->directory});
  for (const ListenerState& listener : state.listeners) fds.push_back(listener.fd);
  for (const HandoverState& handover : state.handovers) fds.insert(fds.end(), {handover.one, handover.other});
  for (const LaunchState& launch : state.launches) {
    fds.insert(fds.end(), {launch.pidfd, launch.lifeline, launch.incident, launch.scoreboard});
  }
  for (const TemplateState& origin : state.templates) fds.push_back(origin.control);
  for (const ForkState& fork : state.forks) {
    if (fork.worker.pidfd >= 0) fds.push_back(fork.worker.pidfd);
    fds.insert(fds.end(), {fork.worker.lifeline, fork.worker.incident, fork.worker.scoreboard});
  }
  return fds;
}

std::string encode(const ServiceState& state) {
  Json json = Writer::write(state);
  json["format"] = kStateFormat;
  return json.dump();
}

std::variant<ServiceState, std::string> decode(const std::string& text) {
  try {
    return read_state(Json::parse(text));
  } catch (const Unreadable& unreadable) {
    return "cannot use the state: " + unreadable.what;
  } catch (const nlohmann::json::exception& error) {
    return std::string("cannot read the state: ") + error.what();
  }
}

}  // namespace gserve::io
