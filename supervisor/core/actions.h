// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "supervisor/core/events.h"
#include "supervisor/core/types.h"

/// Everything the core can ask of the shell. Carried out in order; what has an answer comes back as an event.
namespace gserve::core {

/// Start one worker. Answer: WorkerSpawned or WorkerSpawnFailed.
struct Spawn {
  LaunchId launch;
  std::string pool;
  Generation generation;
  std::uint64_t age;  // the nth worker ever started, from 1, as gunicorn's worker.age
  LaunchId from = 0;  // the ready template that it is forked from; 0: a new interpreter
};

/// Start a template: it imports the application and forks workers of that generation. Answer: WorkerSpawned
/// or WorkerSpawnFailed.
struct SpawnTemplate {
  LaunchId launch;
  std::string pool;
  Generation generation;
};

/// Send `signal` (a number of signal(7)) to the live worker or template.
struct SignalWorker {
  LaunchId launch;
  int signal;
};

/// Tell the ready worker to leave the listeners, to answer what it has begun, and to stay. If it cannot be told,
/// here and below, it is told to drain: then its exit follows.
struct Rest {
  LaunchId launch;
};
/// Tell the worker that rests to serve again.
struct Serve {
  LaunchId launch;
};

/// Make the worker a template: it drains, and then says READY=1 as one, under the launch id that it has. If
/// it cannot be told, it is killed: either way what becomes of it is said by its READY=1 or its exit.
struct Promote {
  LaunchId launch;
};

/// Answer: ScoreboardSampled.
struct SampleScoreboard {
  LaunchId launch;
  bool memory = false;  // its resident memory is wanted, too
};

/// Parse and validate the configuration again. Answer: ConfigLoaded or ConfigRejected.
struct LoadConfig {
  JobId job;
};

/// The configuration loaded for `job` becomes that of `generation`: from now on launches of it use it.
struct AdoptConfig {
  JobId job;
  Generation generation;
};

/// The configuration of `from` becomes that of `to`, too: the same settings, started again.
struct CopyConfig {
  Generation from;
  Generation to;
};

/// No launch of this generation will be asked for again; its configuration may be forgotten.
struct ForgetGeneration {
  Generation generation;
};

/// Find out whether the program at `binary` (empty: the path that this one was started from) can take over,
/// with a copy of the present state and without any effect. Answer: UpgradeChecked, unless it is given up.
struct CheckUpgrade {
  JobId job;
  std::string binary;
};
/// As soon as everything that has happened is handled: replace this program by the one checked, with the same
/// pid. Answer: Reexecuted, unless it is given up.
struct Reexecute {
  JobId job;
};
/// Neither an answer to CheckUpgrade nor the execution is wanted any more.
struct GiveUpUpgrade {
  JobId job;
};

/// The service stops: refuse new connections; what the kernel has accepted is still served by the workers.
struct StopListening {};

/// Reopen the log files and hand the new descriptors to every worker. Answer: LogsReopened.
struct ReopenLogs {
  JobId job;
};

/// sd_notify(3) to the service manager.
struct NotifyReady {
  std::string status;
};
struct NotifyReloading {};
struct NotifyStopping {};
struct NotifyStatus {
  std::string status;
};
/// The work under way may take `extra` more (EXTEND_TIMEOUT_USEC).
struct NotifyExtendTimeout {
  Duration extra;
};
/// We are alive (WATCHDOG=1).
struct NotifyWatchdog {};

/// One line in the log. `pid` and `generation` are 0 where no worker is concerned.
struct Log {
  LogLevel level;
  std::string text;
  Pid pid = 0;
  Generation generation = 0;
};

/// A worker or template has ended as it should not have, or could not be started: keep what is known of it.
struct RecordIncident {
  LaunchId launch;
  IncidentKind kind;
  bool of_template;
  std::string pool;
  Generation generation;
  Pid pid;              // 0: it could not be started
  std::string reason;   // one line
  std::string details;  // the application's traceback; may be empty
};

struct JobAccepted {
  RequestId request;
  JobId job;
};
struct JobRefused {
  RequestId request;
  std::string reason;
};
struct JobProgress {
  JobId job;
  std::string text;
};
struct JobFinished {
  JobId job;
  JobState result;
  std::string reason;
};

/// The end: no worker is left. The shell cleans up and exits with `code`.
struct Exit {
  int code;
};

using Action = std::variant<Spawn, SpawnTemplate, SignalWorker, Rest, Serve, Promote, SampleScoreboard,
                            LoadConfig, AdoptConfig, CopyConfig, ForgetGeneration, CheckUpgrade, Reexecute,
                            GiveUpUpgrade, StopListening, ReopenLogs, NotifyReady, NotifyReloading,
                            NotifyStopping, NotifyStatus, NotifyExtendTimeout, NotifyWatchdog, Log,
                            RecordIncident, JobAccepted, JobRefused, JobProgress, JobFinished, Exit>;
using Actions = std::vector<Action>;

}  // namespace gserve::core
