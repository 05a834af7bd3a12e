// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

/// The control interface: D-Bus served straight on a private Unix socket (no bus daemon), as systemd's own
/// private socket is. Shared by the supervisor's sd_bus_control and by gservectl.
///
/// Socket:   first writable of $RUNTIME_DIRECTORY/control (systemd sets it), /run/gserve/NAME/control for root,
///           $XDG_RUNTIME_DIR/gserve/NAME/control otherwise; or --control-socket PATH. Mode 0600 in a 0700
///           directory. Instance names: [A-Za-z0-9_.-]{1,64}, not starting with '.'.
/// Path:     /io/gserve      Interface: io.gserve.Supervisor1
///
/// Methods (errors are io.gserve.Error.* with one clear line as message):
///   GetStatus() -> (a{sv})            one consistent view, keys below
///   Stop(s mode) -> (t job)           mode "graceful" or "quick"
///   Reload() -> (t job)
///   Rollback() -> (t job)             back to the generation before the last reload
///   Refork() -> (t job)               with preload: a worker that has served becomes the template
///   Restart() -> (t job)              fresh workers with the settings as they run; each is ready before one drains
///   RestartWorker(u pid) -> (t job)   a fresh worker is ready before this one drains; done when it has exited
///   KillWorker(u pid) -> (t job)      SIGABRT, so that it leaves its stacks, SIGKILL after a second; done when
///                                     it has exited. Its place is taken at once
///   ReopenLogs() -> (t job)           after log rotation; failed if a file cannot be opened
///   Scale(s pool, i count, b relative) -> (t job)    pool "" means the default pool
///   Upgrade(s binary) -> (t job)      executes the program at this absolute path, "" the one it was started
///                                     from, in the supervisor's place; connections end, jobs do not
///   GetJob(t job) -> (a{sv})          finished jobs stay readable for 10 minutes
///   GetConfig() -> (aa{sv})           the settings in force, by name: name s, value s (as Python writes it),
///                                     json s (the same), source s, origin s (where it was set, for people)
///   ListIncidents() -> (aa{sv})       the last 100, oldest first
///   GetIncident(t id) -> (a{sv})      with all that is known of it
/// Signals:
///   JobProgress(t job, s text)
///   JobFinished(t job, s result, s reason)           result "done", "failed" or "superseded"
/// Properties (read only): Name s, Pid u, Version s, Generation t, Target u, Ready u.
///
/// GetStatus keys: name s, pid u, version s, uptime_usec t, generation t, target u, ready u, state s
/// ("starting", "running", "reloading", "stopping"), listeners as, last_incident t (its id, 0: there was
/// none), previous_generation t (what a roll-back would go back to; 0: nothing), bake_usec t (for how long
/// the current generation is still on test; 0: it is not), rolled_back s (why the last deploy was taken back
/// without being asked for; empty: it was not), workers_started t (since the service began), log_kind s (where
/// the error log goes: "file", "journal", "terminal", "pipe", "none", "other"), log_path s (of a file or
/// terminal), pools aa{sv}, templates aa{sv}, workers aa{sv}. Pool keys:
/// name s, target u, ready u, state s ("running"; "crash-looping" while its workers keep dying, until a good
/// reload or 60 s of calm), failures u (workers that have failed since all went well), last_failure s (why
/// the last one did, may be empty), next_start_usec t (until back-off lets the next worker start; 0: nobody
/// waits). Worker keys: pid u, pool s, state s (starting, ready, draining, aborting, killing, spare: it rests
/// until a roll-back needs it), generation t, age_usec t, requests t, errors t (of them, answered with 5xx),
/// connections t (accepted), durations at (how many of the requests took how long, see kDurationBounds in
/// common/scoreboard.h), rss_bytes t, cpu_usec t (user and system), in_flight u, request s
/// (the oldest running request's line, may be empty), request_age_usec t, due s (why it is to be replaced by
/// a fresh one: "max_requests", "memory", "lifetime", "timeout", "restart", "refork" or the worker's own word; empty: it is not).
/// Template keys
/// (--preload): pid u, pool s, state s (starting, ready, leaving, aborting, killing), generation t, age_usec
/// t, rss_bytes t. GetJob keys: id t, kind s (stop, reload, scale, upgrade, rollback, refork, restart,
/// worker-restart, worker-kill, reopen), state s
/// (running, done, failed, superseded), reason s, progress s.
///
/// An incident is the end of a worker or template that should not have ended so. ListIncidents keys: id t
/// (from 1 on, never reused, also not after an upgrade), time_usec t (since 1970-01-01 UTC), kind s (timeout,
/// crash, out-of-memory, boot-failure), process s (worker, template), launch t, pid u (0: it could not be
/// started), pool s, generation t, reason s (one line). GetIncident has also: details s (the application's
/// traceback of a failed boot), in_flight u (requests that it was running), requests aa{sv} (of them, oldest
/// first, at most 64: line s, age_usec t), stacks s (of its threads), log s (the last lines before its end).
namespace gserve::control {

inline constexpr char kObjectPath[] = "/io/gserve";
inline constexpr char kInterface[] = "io.gserve.Supervisor1";
inline constexpr char kSocketFile[] = "control";

/// Whether `name` can name an instance, and so a directory.
constexpr bool is_instance_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.') return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

inline constexpr char kErrorInvalidArgument[] = "io.gserve.Error.InvalidArgument";
inline constexpr char kErrorNoSuchJob[] = "io.gserve.Error.NoSuchJob";
inline constexpr char kErrorNoSuchIncident[] = "io.gserve.Error.NoSuchIncident";
inline constexpr char kErrorStopping[] = "io.gserve.Error.Stopping";
inline constexpr char kErrorRefused[] = "io.gserve.Error.Refused";  // the supervisor says why in the message
inline constexpr char kErrorInternal[] = "io.gserve.Error.Internal";

}  // namespace gserve::control
