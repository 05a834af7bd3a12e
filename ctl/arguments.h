// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ctl/model.h"

namespace gserve::ctl {

enum class Command {
  list,
  status,
  incidents,
  config,
  logs,
  top,
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
  double interval = 1;            // top --interval, seconds
  unsigned count = 0;             // top --count; 0: no end
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

/// An option, as a shell needs to know it.
struct OptionDescription {
  std::vector<std::string> flags;  // "-n", "--name"
  std::string value;               // what kind of value it takes: NAME, PATH ...; empty: none
  std::string help;
};

/// A command, or with an empty name what stands before all of them.
struct CommandDescription {
  std::string name;  // as typed
  std::string help;
  std::vector<OptionDescription> options;
  std::vector<std::string> positionals;  // kinds, as those of options
};

/// All commands in the order of the help, the one without a name first.
std::vector<CommandDescription> describe_commands();

/// Whether the command asks the supervisor for a job (common/control_contract.h).
bool makes_job(Command command);

/// "4", "+2", "-1"; nothing if it is none of these or out of range (an absolute count is at least 1).
std::optional<ScaleTarget> parse_scale(std::string_view text);

}  // namespace gserve::ctl
