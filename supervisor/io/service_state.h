// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/settings.h"
#include "supervisor/core/snapshot.h"
#include "supervisor/ports/incidents.h"
#include "supervisor/ports/process_launcher.h"

/// All that a program of the supervisor hands to the one that takes its place in the same process (an
/// upgrade): what it knows, and the numbers of the descriptors that stay open across the execution.
///
/// It travels as JSON in a sealed memory file. A format has a number; a program reads its own format only,
/// and says so of any other: the program that runs then goes on.
namespace gserve::io {

inline constexpr int kStateFormat = 1;
/// Of an encoded state, in bytes: 10,000 workers take a tenth of it.
inline constexpr std::size_t kMaxState = std::size_t{64} << 20;

/// A file that its owner removes only while it is the same one.
struct FileIdentity {
  std::string path;  // empty: none
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct ListenerState {
  int fd = -1;
  bool inherited = false;
  FileIdentity file;  // of a Unix socket
  bool operator==(const ListenerState&) const = default;
};

struct PidfileState {
  int fd = -1;  // holds the lock
  std::string path;
  bool operator==(const PidfileState&) const = default;
};

struct ControlState {
  int listener = -1;
  int directory = -1;
  FileIdentity socket;
  std::vector<std::string> created;  // directories, outermost first
  bool operator==(const ControlState&) const = default;
};

struct NotifyState {
  int fd = -1;
  std::string made_base;
  std::string directory;
  std::string path;
  bool operator==(const NotifyState&) const = default;
};

struct DeploymentState {
  core::Generation generation = 0;
  config::Settings settings;
  std::string python;
  std::string tls;
  std::optional<ports::Identity> identity;
  bool operator==(const DeploymentState&) const = default;
};

struct LaunchState {
  core::LaunchId id = 0;
  core::Generation generation = 0;
  std::string pool;
  std::uint64_t age = 0;
  core::Pid pid = 0;
  int pidfd = -1;
  int lifeline = -1;
  int incident = -1;
  int scoreboard = -1;
  bool operator==(const LaunchState&) const = default;
};

/// A template's control socket.
struct TemplateState {
  core::LaunchId launch = 0;
  int control = -1;
  bool operator==(const TemplateState&) const = default;
};

/// What a worker said before its template introduced it.
struct SaidState {
  core::Pid sender = 0;
  std::string text;  // NAME=VALUE lines
  bool operator==(const SaidState&) const = default;
};

/// A worker that was asked of a template and is not ours yet: it has no pid, and a pidfd only once it is
/// born.
struct ForkState {
  core::LaunchId from = 0;
  LaunchState worker;
  std::vector<SaidState> said;
  bool operator==(const ForkState&) const = default;
};

/// The hand-over queue of a pool: both ends.
struct HandoverState {
  std::string pool;
  int one = -1;    // out
  int other = -1;  // in
  bool operator==(const HandoverState&) const = default;
};

/// What the workers of a pool had counted that have gone.
struct RequestTotalsState {
  std::string pool;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t connections = 0;
  std::vector<std::uint64_t> durations;  // by bucket
  std::uint64_t duration_sum_ns = 0;
  bool operator==(const RequestTotalsState&) const = default;
};

struct HookProcessState {
  core::Pid pid = 0;
  int pidfd = -1;
  int control = -1;
  std::uint64_t last_call = 0;  // the id of the last call that it was sent
  bool operator==(const HookProcessState&) const = default;
};

struct ServiceState {
  std::string release;                   // gserve's version that wrote it
  std::string binary;                    // path of the program that is to go on
  std::string previous;                  // path of the program that wrote it
  std::vector<std::string> argv;         // that the service was called with
  std::vector<std::string> environment;  // NAME=VALUE
  std::string directory;                 // where the service was started
  std::uint64_t nofile_soft = 0;         // RLIMIT_NOFILE as it was given
  std::uint64_t nofile_hard = 0;
  core::TimePoint started{};
  std::string instance;
  int error_log = -1;
  int access_log = -1;  // -1: off
  std::optional<PidfileState> pidfile;
  std::optional<ControlState> control;
  std::vector<ListenerState> listeners;
  NotifyState notify;
  config::Settings started_with;
  std::vector<DeploymentState> deployments;
  std::vector<LaunchState> launches;
  std::vector<TemplateState> templates;
  std::vector<ForkState> forks;
  std::vector<HandoverState> handovers;
  std::vector<RequestTotalsState> request_totals;
  std::optional<ListenerState> admin;
  std::optional<HookProcessState> hooks;
  std::uint64_t last_incident = 0;  // id; 0: there was none
  std::vector<ports::Incident> incidents;
  core::Snapshot core;
  bool operator==(const ServiceState&) const = default;
};

/// Every descriptor that the state speaks of.
std::vector<int> descriptors(const ServiceState& state);

/// What of it does not fit together, in one line; empty: nothing.
std::string contradiction(const ServiceState& state);

std::string encode(const ServiceState& state);
/// The state, sound in itself, or in one line why it cannot be used. Nothing is known yet of the descriptors.
std::variant<ServiceState, std::string> decode(const std::string& text);

}  // namespace gserve::io
