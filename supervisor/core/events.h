// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "supervisor/core/types.h"

/// Everything that can happen to the supervisor. The shell delivers events in order: everything a worker said
/// comes before its exit, and its pid is freed only after that.
namespace gserve::core {

/// The supervisor starts: the first event.
struct Started {};

/// The service manager restarts us unless it hears from us at least this often; zero: it does not watch.
struct WatchdogSet {
  Duration limit;
};

/// A Spawn or SpawnTemplate action succeeded or failed. Here and below, `launch` is that of a worker or of a
/// template.
struct WorkerSpawned {
  LaunchId launch;
  Pid pid;
};
struct WorkerSpawnFailed {
  LaunchId launch;
  std::string reason;
};

/// What a worker said on the notify socket (sender and launch id already checked by the shell).
struct WorkerReady {
  LaunchId launch;
};
struct WorkerStopping {  // it drains by itself
  LaunchId launch;
};
struct WorkerDue {  // it asks to be replaced, and goes on serving until it is told to drain
  LaunchId launch;
  std::string reason;  // one word for people, printable: "max_requests"
};
struct CodeChanged {  // a file that it has loaded is another one now
  LaunchId launch;
  std::string path;   // printable
  std::string stamp;  // what tells this version of the file from others; the same in every worker
};
struct WorkerBootError {  // why the application could not be loaded, with its traceback
  LaunchId launch;
  std::string reason;
};

/// `requests` and `errors` here and below: how many the worker has answered in its life, and how many of them
/// with 5xx; 0 when its scoreboard says nothing.
struct WorkerExited {
  LaunchId launch;
  ExitStatus status;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
};

/// Answer to SampleScoreboard. `oldest_start` is the start of the oldest running request, `youngest_start`
/// that of the last one that began; not known when more run than the scoreboard has room for.
struct ScoreboardSampled {
  LaunchId launch;
  std::optional<TimePoint> oldest_start;
  std::string request_line;  // of that request, printable
  int in_flight = 0;
  std::uint64_t rss_bytes = 0;  // 0: not known
  std::optional<TimePoint> youngest_start{};
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
};

/// Answer to LoadConfig: the configuration that a reload would use, or why it is not usable.
struct ConfigLoaded {
  JobId job;
  SupervisorConfig config;
};
struct ConfigRejected {
  JobId job;
  std::string reason;
};

/// Answer to CheckUpgrade: the new program can take over, or why not.
struct UpgradeChecked {
  JobId job;
  std::string reason;  // empty: it can
};
/// Answer to Reexecute, in the new program, or in this one if it goes on, and why.
struct Reexecuted {
  JobId job;
  std::string reason;  // empty: this is the new program
};

/// Answer to ReopenLogs.
struct LogsReopened {
  JobId job;
  std::string reason;  // one line: why an old file stays in use; empty: all are new
};

/// Requests, from signals or from the control interface; each is answered by the action JobAccepted or
/// JobRefused carrying the same `request` (0: nobody waits for the answer).
using RequestId = std::uint64_t;

struct StopRequested {
  RequestId request = 0;
  StopMode mode = StopMode::graceful;
  std::string by;          // for the log: "SIGTERM", "gservectl (uid 0)"
  bool escalates = false;  // a second one hurries the stop (shutdown.h)
};
struct ReloadRequested {
  RequestId request = 0;
  std::string by;
};
struct RollbackRequested {
  RequestId request = 0;
  std::string by;
};
struct ReforkRequested {
  RequestId request = 0;
  std::string by;
};
struct RestartRequested {
  RequestId request = 0;
  std::string by;
};
/// By the pid, for that is what people see.
struct WorkerRestartRequested {
  RequestId request = 0;
  Pid pid = 0;
  std::string by;
};
struct WorkerKillRequested {
  RequestId request = 0;
  Pid pid = 0;
  std::string by;
};
struct ScaleRequested {
  RequestId request = 0;
  std::string pool;  // empty: the default (first) pool
  int count = 0;
  bool relative = false;  // count is added to the target
  std::string by;
};
struct UpgradeRequested {
  RequestId request = 0;
  std::string binary;  // of the new program; empty: the path that this one was started from
  std::string by;
};
struct ReopenLogsRequested {
  RequestId request = 0;
  std::string by;
};

/// A deadline passed (or nothing happened at all): the core looks at its timers.
struct TimePassed {};

using Event =
    std::variant<Started, WatchdogSet, WorkerSpawned, WorkerSpawnFailed, WorkerReady, WorkerStopping,
                 WorkerDue, CodeChanged, WorkerBootError, WorkerExited, ScoreboardSampled, ConfigLoaded,
                 ConfigRejected, UpgradeChecked, Reexecuted, LogsReopened, StopRequested, ReloadRequested,
                 RollbackRequested, ReforkRequested, RestartRequested, WorkerRestartRequested,
                 WorkerKillRequested, ScaleRequested, UpgradeRequested, ReopenLogsRequested, TimePassed>;

}  // namespace gserve::core
