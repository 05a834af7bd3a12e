// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "ctl/model.h"

namespace gserve::ctl {

enum class Command {
  list,
  status,
  incidents,
  config,
  logs,
  wait,
  stop,
  restart,
  reload,
  rollback,
  refork,
  scale,
  upgrade,
  reopen,
  worker_restart,
  worker_kill
};

/// What `wait` waits for.
enum class Goal { running, ready, stopped };

/// The command's name as typed: "worker restart".
const char* name_of(Command command);

struct Arguments {
  Command command = Command::list;
  std::string name;               // -n; empty: the one that runs
  std::string host;               // -H, for ssh; empty: this one
  std::string socket;             // --socket; empty: found by name
  bool json = false;              // --json
  bool no_wait = false;           // --no-wait
  std::optional<double> timeout;  // --timeout, seconds
  std::uint64_t incident = 0;     // incidents ID; 0: all of them
  bool quick = false;             // stop --quick
  ScaleTarget scale;              // scale N
  std::uint32_t pid = 0;          // worker restart|kill PID
  Goal goal = Goal::ready;        // wait --for
  bool follow = false;            // logs --follow
  std::uint32_t lines = 20;       // logs --lines
  std::string binary;             // upgrade --binary, absolute; empty: where the supervisor was started from
};

/// Text to print in place of running a command: the help or version (exit 0, to stdout), or what is wrong
/// with the command line (exit 2, to stderr).
struct Usage {
  int exit_code = 0;
  std::string text;
};

std::variant<Arguments, Usage> parse_arguments(int argc, const char* const* argv);

/// Whether the command asks the supervisor for a job (common/control_contract.h).
bool makes_job(Command command);

/// "4", "+2", "-1"; nothing if it is none of these or out of range (an absolute count is at least 1).
std::optional<ScaleTarget> parse_scale(std::string_view text);

}  // namespace gserve::ctl
