// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

/// The launch contract: what the supervisor gives a worker process and what it expects back. Language-neutral
/// and built on systemd's conventions, so that any executable can be a worker; the Python worker is one
/// client of it.
///
/// Descriptors. All of them are passed as socket activation does (sd_listen_fds(3)): LISTEN_FDS descriptors
/// from 3 on, LISTEN_PID is the worker's own pid, LISTEN_FDNAMES names each one in order, separated by ':'.
///
///   listener    a listening socket, once per --bind address (its address: getsockname)
///   handover_out, handover_in   the two ends of the pool's hand-over queue, see below
///   settings    sealed memfd, JSON: see kSettings* below
///   scoreboard  sealed memfd (SHRINK, GROW, SEAL), layout in common/scoreboard.h, written by the worker
///   lifeline    SOCK_SEQPACKET socket, one per launch; its messages stand below
///   errorlog    where log lines go, opened by the supervisor for appending (a worker may lack the right)
///   accesslog   where the access log goes; absent when it is off
///   tls         sealed memfd, JSON: see kTls below; absent when TLS is off
///   incident    memfd for stack dumps
///   template    SOCK_SEQPACKET socket; only a template gets it, see below
///
/// Hand-over queue. Two connected SOCK_SEQPACKET sockets, which all workers of a pool share, of every
/// generation: what one of them sends on handover_out, one of them takes from handover_in. A message is a
/// connection with a complete request that its worker has not begun (worker/http/handover_message.h), the
/// socket as SCM_RIGHTS. The supervisor keeps both ends open, so that what is in the queue outlives the worker
/// that sent it, and never touches it. Both are non-blocking. Whoever takes a message owes its client an
/// answer; a worker that can not serve, or rests, takes none; one that drains leaves the queue empty when
/// nobody else takes what is in it.
///
/// Lifeline. End of file: the supervisor is gone; drain and exit. Messages are one word each, some with
/// descriptors as SCM_RIGHTS:
///   logs        the new error log and access log, in this order (access log absent when access logging is
///               off); with capture_output, and errorlog a file, the error log is stdout and stderr, too
///   rest        leave the listeners, answer what has begun with "Connection: close", and stay, without
///               serving
///   serve       serve again
///   template    become a template (see below): drain, without saying STOPPING=1, and say READY=1 when there
///               is nothing left of the worker. Carries the worker's end of the control socket. A failure is
///               a boot error and exit code 1; a SIGTERM on the way ends the process as it would have.
/// "rest" and "serve" may come again and have no effect then; whoever drains ignores all three.
///
/// Environment. Besides LISTEN_*: NOTIFY_SOCKET (sd_notify(3)) and GSERVE_LAUNCH_ID. The user's own
/// environment and --env come along. GSERVE_PYTHON_DIR, when set, is a directory that was put in front of
/// PYTHONPATH so that the worker's own package is found. A worker removes LISTEN_*, NOTIFY_SOCKET,
/// GSERVE_LAUNCH_ID, GSERVE_PYTHON_DIR and that first entry of PYTHONPATH from what the application sees.
///
/// Datagrams to NOTIFY_SOCKET, newline-separated NAME=VALUE, each datagram with X_GSERVE_WORKER=<launch id>;
/// the sender's credentials are checked:
///   READY=1             the application is loaded and listeners are registered
///   STOPPING=1          the worker drains by itself (signalled from outside)
///   X_GSERVE_RECYCLE=word   the worker wants to be replaced, "max_requests" says why; it goes on serving
///                       until it is told to drain, which happens as soon as a fresh worker is ready
///   X_GSERVE_CHANGED=json string   "STAMP PATH": a file that it has loaded has changed; STAMP is a word that
///                       is the same for the same version of the file. Only with the setting "reload".
///   STATUS=text         one line for people
///   X_GSERVE_BOOT_ERROR=json string   why the application could not be loaded, with its traceback
///
/// Signals to a worker: TERM drain; INT and QUIT stop now; ABRT dump stacks and die; USR1 reopen the log files
/// that the application has opened by itself; HUP, WINCH ignored.
///
/// Templates. A launch that has a descriptor "template" (and no listener, hand-over queue, scoreboard or access
/// log)
/// is no worker but what workers are forked from: it loads the application, says READY=1 and waits. So does a
/// worker that was told on its lifeline to become one; it has the application already, and closes what a
/// template does not have. Messages on that socket are newline-separated NAME=VALUE:
///   FORK=<launch id>, FDNAMES=<names>   to the template, with the descriptors of that worker as SCM_RIGHTS,
///                       named in order as LISTEN_FDNAMES would. The template forks twice; the grandchild is
///                       the worker and keeps no descriptor of the template.
///   BORN=<launch id>    from the process in the middle, while it is still the worker's parent, with the
///                       worker's pidfd as SCM_RIGHTS. It exits at once: the supervisor, being the
///                       subreaper, becomes the parent.
///   FORKED=<launch id>  from the template, when it has reaped the process in the middle
///   FORK_FAILED=<launch id>, REASON=<text>   from the template: there is no such worker
/// Signals to a template: TERM, INT and QUIT end it; ABRT dump stacks and die; USR1 as a worker; HUP, WINCH ignored. It
/// ends at once when its lifeline ends, and it takes "logs" there. Boot errors and exit codes are a worker's.
///
/// Configuration. A file of settings in Python is run by `python3 -P -m gserve.config_file` with a request as
/// descriptor 3 (sealed memfd, JSON: "location" PATH or python:MODULE, "kinds" of the settings by name, "limit" in
/// seconds or 0) and an empty memfd as descriptor 4. It writes there {"settings": [{"name", "shape", "value",
/// "where"}, ...]}, see supervisor/config/file_values.h, or {"failure": text}, and exits with 0; when the limit has
/// passed it leaves there a dump of its stacks ("Timeout ...") and exits with 1.
/// `python3 -P -m gserve.check_app` is launched with "settings" alone: it loads the application as a worker would,
/// says on standard error why it cannot, and exits with 0 or 1.
///
/// Hooks. The hook process is launched as `gserve hooks` with "settings", "errorlog" and "hooks", a SOCK_SEQPACKET
/// socket. It runs the configuration file of the settings and says {"ready": true}, or exits. Every message is one JSON
/// object. To the process:
///   {"call": id, "hook": name, "generation": N, "workers": desired number, "before": the number before or null,
///    "worker": {"launch", "pid", "age"}, "present": [[launch, pid, age], ...]}   one at a time; a hook that is not
///                       set does nothing; without "worker" where it is about none (pid 0: it has not been started)
///   {"call": id, "hook": "configure"}   with settings (as above) as SCM_RIGHTS: those of another generation
///   {"forget": generation}
///   {"logs": true}      with the new error log as SCM_RIGHTS
/// From it: {"done": id, "raised": traceback or null}. At the end of file it exits; when its parent dies it is killed.
///
/// Exit codes: 0 drained; 3 the worker failed to boot; 4 the application object could not be found.
namespace gserve::contract {

inline constexpr std::string_view kListener = "listener";
inline constexpr std::string_view kHandoverOut = "handover_out";
inline constexpr std::string_view kHandoverIn = "handover_in";
inline constexpr std::string_view kSettings = "settings";
inline constexpr std::string_view kScoreboard = "scoreboard";
inline constexpr std::string_view kLifeline = "lifeline";
inline constexpr std::string_view kErrorLog = "errorlog";
inline constexpr std::string_view kAccessLog = "accesslog";
inline constexpr std::string_view kIncident = "incident";
inline constexpr std::string_view kTemplate = "template";
inline constexpr std::string_view kHooks = "hooks";

inline constexpr int kFirstFd = 3;

inline constexpr std::string_view kEnvLaunchId = "GSERVE_LAUNCH_ID";
inline constexpr std::string_view kEnvPythonDir = "GSERVE_PYTHON_DIR";

inline constexpr std::string_view kNotifyWorker = "X_GSERVE_WORKER";
inline constexpr std::string_view kNotifyBootError = "X_GSERVE_BOOT_ERROR";
inline constexpr std::string_view kNotifyRecycle = "X_GSERVE_RECYCLE";
inline constexpr std::string_view kNotifyChanged = "X_GSERVE_CHANGED";

inline constexpr std::string_view kLifelineLogs = "logs";
inline constexpr std::string_view kLifelineRest = "rest";
inline constexpr std::string_view kLifelineServe = "serve";
inline constexpr std::string_view kLifelineTemplate = "template";

inline constexpr std::string_view kFork = "FORK";
inline constexpr std::string_view kForkFdNames = "FDNAMES";
inline constexpr std::string_view kBorn = "BORN";
inline constexpr std::string_view kForked = "FORKED";
inline constexpr std::string_view kForkFailed = "FORK_FAILED";
inline constexpr std::string_view kForkReason = "REASON";

inline constexpr int kExitWorkerBootFailed = 3;
inline constexpr int kExitAppLoadFailed = 4;

/// The settings snapshot: one JSON object. Every entry of the settings table that workers read stands under
/// its table name ("wsgi_app", "worker_class", "threads", "timeout", "graceful_timeout", "keepalive",
/// "chdir", "pythonpath", "limit_request_line", "limit_request_fields", "limit_request_field_size",
/// "access_log_format", "loglevel", "proc_name", ...), with durations in seconds. What is particular to the
/// launch stands in the object "launch": {"id": launch id, "generation": N, "pool": "web", "instance": NAME,
/// "age": nth worker started, "version": gserve's version, "directory": where gserve was started, "supervisor": its
/// pid}. Hooks stand there as where they are defined; when one is set, "supervisor_settings" has all other settings.
inline constexpr std::string_view kSettingsLaunch = "launch";
inline constexpr std::string_view kSettingsOfSupervisor = "supervisor_settings";

/// With TLS every connection of every listener is encrypted. The object has what gserve::tls::Material
/// (common/tls_context.h) has, under the same names: "certificates", a list of {"host", "chain", "key",
/// "chain_file", "key_file"} whose first is the default, with chain and key as PEM text; "client_authorities"
/// (PEM), "client_authorities_file", "client_certificates" (0, 1, 2), "ciphers", "ticket_key" (hexadecimal).
inline constexpr std::string_view kTls = "tls";

}  // namespace gserve::contract
