// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/address_set.h"
#include "common/scoreboard.h"
#include "common/tls_context.h"
#include "worker/http/proxy_header.h"
#include "worker/http/request.h"
#include "worker/net/exchange.h"
#include "worker/net/ready.h"

namespace gserve::net {

using Seconds = std::chrono::duration<double>;

enum class LogLevel : int { debug, info, warning, error, critical };

/// What the server is made of. Descriptors stay owned by the caller, who keeps them open until the Server is
/// gone.
struct ServerConfig {
  std::vector<int> listeners;  // non-blocking listening sockets
  /// The pool's hand-over queue (common/launch_contract.h); -1, both: there is none.
  int handover_out = -1;
  int handover_in = -1;
  int lifeline = -1;
  int error_log = -1;
  int access_log = -1;  // -1: off
  /// Where Python's logging is told of answered requests (access_record.h), a non-blocking stream socket that
  /// nobody else writes; the access log is then Python's to write. -1: off.
  int access_records = -1;
  bool capture_output = false;  // stdout and stderr are the error log, too
  /// Read end of the pipe or socket that Python's signal.set_wakeup_fd writes signal numbers to; -1 in tests.
  int signal_wakeup = -1;
  scoreboard::Layout* scoreboard = nullptr;  // may be null in tests

  std::optional<tls::Material> tls;  // every connection is encrypted

  http::Limits limits;
  http::Leniency leniency;
  http::ProxyMode proxy_protocol = http::ProxyMode::off;
  AddressSet proxy_allow_ips;    // who may send PROXY headers, beside all that come by Unix sockets
  Seconds keep_alive{2};         // idle time on a kept-alive connection
  Seconds header_timeout{30};    // from the first byte of a head (or accept) to its last
  Seconds body_timeout{30};      // silence while a body is read
  Seconds write_timeout{30};     // silence while a response is written
  Seconds graceful_timeout{30};  // after the lifeline's end the process ends itself at this age, GIL or not
  int executors = 1;             // requests that the application side runs at once (sync 1, gthread threads)
  /// The executor has an event loop of its own and never blocks: it calls take_ready(), not take(). Then
  /// bodies above memory_limit stream, and only the I/O thread sends.
  bool event_loop = false;
  /// SIGABRT goes to a handler of Python's (which can see what waits in an event loop, and calls the user's hook);
  /// when it has not ended the process within 0.5 s, what handled SIGABRT at start() gets it.
  bool aborts_in_python = false;
  std::size_t max_connections = 1000;
  std::string access_log_format;   // gunicorn's syntax, or "json"; empty: gunicorn's default
  std::uint64_t max_requests = 0;  // answered; 0: no limit
  /// How the supervisor hears, once, that max_requests is reached: `recycle_notice` as a datagram on
  /// `notify`, a connected socket. The server serves on until it is told to drain. -1: it drains by itself.
  int notify = -1;
  std::string recycle_notice;

  LogLevel log_level = LogLevel::info;  // least severity of the server's own lines in the error log
  bool log_json = false;                // each of those lines is a JSON object
  bool log_priority = false;            // each has its priority in front, for the journal (sd-daemon(3))
  std::uint64_t generation = 0;         // named in JSON
  /// Servers that hear of lines and requests, too (common/syslog.h, common/statsd.h); empty: none.
  std::string syslog_address;
  int syslog_facility = 1;
  std::string syslog_name;    // lines come from NAME.error and NAME.access
  bool syslog_access = true;  // the access log goes there
  std::string statsd_address;
  std::string statsd_prefix;
  std::string statsd_tags;

  std::string tmp_dir;                   // where bodies and responses are spooled; empty: $TMPDIR, else /tmp
  std::size_t memory_limit = 64U << 10;  // of a body or response held in memory, then the spool
  std::size_t shared_body_memory = 32U << 20;  // of bodies beyond that, all together
  std::uint64_t spool_limit = 256U << 20;      // beyond: bodies stream, responses wait for the client
};

/// How far a stop has come. Only moves forward.
enum class StopState : int { running, draining, stopping };

/// The worker's I/O thread and what it shares with executors.
///
/// What the lifeline says (common/launch_contract.h) is done here: "logs", "rest" and "serve" completely; its
/// end and "template" begin a drain.
///
/// Life: construct, start() (spawns the thread), executors call take() in a loop until it returns nullptr
/// (take_ready(): until `ended`), then join(). drain(): stop accepting, finish what was accepted, then take() returns nullptr. stop():
/// take() returns nullptr as soon as the running requests end.
class Server {
 public:
  /// Throws std::runtime_error when `config.tls` cannot be used.
  explicit Server(ServerConfig config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Starts the I/O thread and registers the listeners. SIGPIPE must be ignored (Python does so): sendfile(2)
  /// raises it. One server of a process at a time is known to the fork handlers. Throws std::system_error.
  void start();

  /// Takes the next request to run. Blocks (call without the GIL) on a futex; returns nullptr when
  /// `*interrupted` became true (a signal arrived: let Python run its handlers and call again) or when there
  /// is nothing more to do for good (`*interrupted` false). Any executor thread; only the main one passes
  /// `interrupted`.
  Exchange* take(bool* interrupted);

  /// For an executor with an event loop, on one and the same thread: what there is to do. Never blocks. To be
  /// called, whenever ready_fd() is readable, until it answers `nothing` or `ended`; a signal makes it readable
  /// too, so that Python's handlers run.
  Ready take_ready();
  int ready_fd() const;
  /// Whether the caller is on that thread: nothing of an Exchange blocks there.
  bool on_loop_thread() const;

  /// Any thread, and safe when called from a Python signal handler.
  void drain();
  void stop();
  StopState stop_state() const;

  /// Ends the I/O thread after the connections are flushed (bounded by graceful_timeout). Call after take()
  /// returned nullptr on every executor.
  void join();

  /// After join(): whether the lifeline's message "template" has begun the drain, and with which control
  /// socket: the caller's from now on, -1 when it could not be received. Once.
  std::optional<int> take_promotion();

  /// Fork hygiene. start() registers these three with pthread_atfork, which covers every fork(): of C
  /// libraries, of os.fork(), and of multiprocessing. The Python side calls them from os.register_at_fork
  /// too, together with what only it can do there (signal handlers, set_wakeup_fd): both for the same fork
  /// are fine, in any nesting. Programs started with exec alone (vfork, posix_spawn) are covered by
  /// close-on-exec.
  ///
  /// before_fork waits until the I/O thread neither makes, closes nor records a descriptor, nor holds a lock
  /// of the C library's time zone code.
  void before_fork();
  void after_fork_in_parent();
  /// Closes in the child every descriptor of the server, the epoll instance first, and those that were lent
  /// to it: listeners, hand-over queue, lifeline, access log, signal pipe (never 0, 1 or 2, nor the error
  /// log). The server is dead there: take() returns nullptr, an Exchange sends nothing, everything else does
  /// nothing.
  void after_fork_in_child();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gserve::net
