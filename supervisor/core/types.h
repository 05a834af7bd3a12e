// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// Words of the core. Standard library only: no system calls, no clock reads, no logging.
namespace gserve::core {

/// Monotonic time. The core is told the time; it never reads a clock.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

/// Identifies one launch of one worker or template for the supervisor's whole life; never reused, unlike a
/// pid.
using LaunchId = std::uint64_t;
/// One version of configuration + code. The first is 1; a reload makes the next.
using Generation = std::uint64_t;
using JobId = std::uint64_t;
using Pid = std::int32_t;

/// How a process ended, as waitid(2) tells.
struct ExitStatus {
  enum class Kind { exited, signalled } kind = Kind::exited;
  int code = 0;  // exit code or signal number
  bool core_dumped = false;
  bool out_of_memory = false;  // the kernel says that it killed for lack of memory
  bool operator==(const ExitStatus&) const = default;
};

// The exit codes that say "the application cannot run": it failed to boot, it is not there.
inline constexpr int kExitBootFailed = 3;
inline constexpr int kExitAppNotFound = 4;
/// One of these two if that is how the process ended, else 0.
int boot_exit_code(const ExitStatus& status);

/// "exited with code 3", "killed by SIGKILL", "killed by SIGKILL (out of memory, says the kernel)".
std::string describe(const ExitStatus& status);
/// "30 s", "0.1 s".
std::string describe(Duration duration);
/// "512 MiB", "0.5 MiB".
std::string describe_bytes(std::uint64_t bytes);
/// A traceback ends with the line that says most.
std::string last_line(std::string text);

/// What the core needs to know of one pool's configuration. A reload may change all of it but the name.
struct PoolConfig {
  std::string name = "web";
  int workers = 1;                                   // desired count as configured, >= 1
  Duration boot_timeout = std::chrono::seconds(60);  // 0 = none
  Duration timeout = std::chrono::seconds(30);       // 0 = none; age of a running request
  Duration graceful_timeout = std::chrono::seconds(30);
  Duration pre_stop_delay{};            // how long a graceful stop goes on serving before it begins
  int surge = 1;                        // extra workers that a reload may run, >= 1
  std::uint64_t max_worker_memory = 0;  // bytes resident; a worker above is replaced; 0 = no limit
  Duration max_worker_lifetime{};       // since READY; a worker older is replaced; 0 = no limit
  bool watches_code = false;            // a file that a worker says has changed is a reason to reload
  bool preload = false;    // workers are forked from a template that has imported the application
  Duration bake{};         // how long a reload's new generation must stand the test (bake.h); 0 = no test
  double bake_factor = 3;  // how many times worse than the one before it may be, > 0
  bool operator==(const PoolConfig&) const = default;
};

struct SupervisorConfig {
  std::vector<PoolConfig> pools = {PoolConfig{}};
};

enum class LogLevel { debug, info, warning, error, critical };

/// The states of a worker as the supervisor sees it; see worker_handle.h for how they follow each other.
enum class WorkerState { starting, ready, draining, aborting, killing };

/// The states of a template as the supervisor sees it; see template_handle.h.
enum class TemplateState { starting, ready, leaving, aborting, killing };

/// As what the end of a worker or template is kept on record; see worker_end.h.
enum class IncidentKind { timeout, crash, out_of_memory, boot_failure };

/// Why a worker's life has ended, for those who count. Each end has one.
enum class ExitReason {
  drained,   // it was told to, or wanted to: a reload, fewer workers, a stop
  recycled,  // it was due: max_requests, memory, lifetime, a refork
  timeout,   // and the rest as incidents
  crash,
  out_of_memory,
  boot_failure,
};
inline constexpr std::size_t kExitReasons = 6;
using ExitCounts = std::array<std::uint64_t, kExitReasons>;  // by ExitReason; they only grow

enum class SupervisorState { starting, running, reloading, stopping };

enum class StopMode { graceful, quick };

enum class JobKind {
  stop,
  reload,
  scale,
  upgrade,
  rollback,
  refork,
  restart,
  worker_restart,
  worker_kill,
  reopen
};
enum class JobState { running, done, failed, superseded };

}  // namespace gserve::core
