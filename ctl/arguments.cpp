// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <map>

#include "common/control_contract.h"
#include "common/version.h"
#include "ctl/exit_codes.h"

namespace gserve::ctl {
namespace {

constexpr int kMaxCount = 100'000;

std::string check_name(const std::string& name) {
  return control::is_instance_name(name) ? ""
                                         : "instance name \"" + name + "\" may hold only A-Z a-z 0-9 _ . -";
}

std::string check_scale(const std::string& text) {
  return parse_scale(text) ? "" : "\"" + text + "\" is not a number of workers: use N, +N or -N";
}

/// The whole of `text` as a number from 1 on; else nothing.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size() && number > 0;
  return good ? std::optional(number) : std::nullopt;
}

std::string check_incident(const std::string& text) {
  return parse_number<std::uint64_t>(text) ? "" : "\"" + text + "\" is not the number of an incident";
}

std::string check_pid(const std::string& text) {
  return parse_number<std::int32_t>(text) ? "" : "\"" + text + "\" is not a process id";
}

std::string check_lines(const std::string& text) {
  return parse_number<std::uint32_t>(text) ? "" : "\"" + text + "\" is not a number of lines above 0";
}

std::string check_interval(const std::string& text) {
  constexpr double kLeast = 0.1;
  constexpr double kMost = 3600;
  double seconds = 0;
  const bool good = CLI::detail::lexical_cast(text, seconds) && seconds >= kLeast && seconds <= kMost;
  return good ? "" : "\"" + text + "\" is not a time from 0.1 to 3600";
}

std::string check_host(const std::string& text) {
  return !text.empty() && text.front() != '-' ? "" : "\"" + text + "\" is not a host: use [USER@]HOST";
}

std::string check_timeout(const std::string& text) {
  double seconds = 0;
  return CLI::detail::lexical_cast(text, seconds) && seconds > 0 ? ""
                                                                 : "\"" + text + "\" is not a time above 0";
}

class Parser {
 public:
  Parser() : app_("Control running gserve instances.", "gservectl") {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_version_flag("--version", std::string("gservectl ") + kVersion);
    app_.footer("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such instance.");
    add_options();
    add_commands();
  }

  std::variant<Arguments, Usage> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      return Usage{kExitDone, help()};
    } catch (const CLI::CallForVersion& version) {
      return Usage{kExitDone, std::string(version.what()) + "\n"};
    } catch (const CLI::Error& error) {
      return Usage{kExitUsage, std::string("gservectl: ") + error.what() + "\nTry: gservectl --help\n"};
    }
    if (!scale_.empty()) arguments_.scale = *parse_scale(scale_);
    if (!arguments_.binary.empty()) arguments_.binary = std::filesystem::absolute(arguments_.binary).string();
    if (timeout_ > 0) arguments_.timeout = timeout_;
    return arguments_;
  }

  std::vector<CommandDescription> describe() const {
    std::vector<CommandDescription> commands;
    describe(app_, "", commands);
    return commands;
  }

 private:
  static void describe(const CLI::App& app, const std::string& name,
                       std::vector<CommandDescription>& commands) {
    CommandDescription& command = commands.emplace_back();
    command.name = name;
    command.help = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
      const std::string value = option->get_type_size() == 0 ? "" : option->get_type_name();
      if (option->get_positional()) command.positionals.push_back(value);
      if (!option->nonpositional()) continue;
      OptionDescription& described = command.options.emplace_back();
      for (const std::string& flag : option->get_snames()) described.flags.push_back("-" + flag);
      for (const std::string& flag : option->get_lnames()) described.flags.push_back("--" + flag);
      described.value = value;
      described.help = option->get_description();
    }
    for (const CLI::App* subcommand : app.get_subcommands(nullptr)) {
      describe(*subcommand, name.empty() ? subcommand->get_name() : name + " " + subcommand->get_name(),
               commands);
    }
  }

  void add_options() {
    app_.add_option("-n,--name", arguments_.name, "Instance; not needed while only one runs")
        ->type_name("NAME")
        ->check(check_name);
    app_.add_option("-H,--host", arguments_.host, "Run gservectl on that host, over ssh")
        ->type_name("[USER@]HOST")
        ->check(check_host);
    app_.add_option("--socket", arguments_.socket, "Control socket, in place of searching for it")
        ->type_name("PATH");
    app_.add_flag("--json", arguments_.json, "Print JSON");
    app_.add_flag("--no-wait", arguments_.no_wait, "Print the job's id and do not wait for its result");
    app_.add_option("--timeout", timeout_, "Wait no longer than this; the job goes on")
        ->type_name("SECONDS")
        ->check(check_timeout);
  }

  void add_commands() {
    add_questions();
    add(Command::stop, "Stop an instance and wait until it is gone")
        ->add_flag("--quick", arguments_.quick, "Do not wait for running requests");
    add(Command::restart,
        "Replace every worker by a fresh one, without a gap: with the settings as they run, and nothing on "
        "test; reload reads the configuration again");
    add(Command::reload, "Load the configuration and the application again, without a gap");
    add(Command::rollback, "Go back to the generation before the last reload");
    add(Command::refork, "With preload: share what the workers have warmed up, by forking from one of them");
    add(Command::scale, "Change the number of workers")
        ->add_option("count", scale_, "N workers, or N more (+N) or fewer (-N)")
        ->type_name("N|+N|-N")
        ->required()
        ->check(check_scale);
    add(Command::upgrade, "Replace the supervisor's program; listeners and workers stay as they are")
        ->add_option("--binary", arguments_.binary, "The new program; default: where it was started from")
        ->type_name("PATH");
    add(Command::reopen, "Open the log files again, after they were rotated");
    add_worker_commands();
  }

  void add_questions() {
    add(Command::list, "List the running instances");
    add(Command::status, "Show an instance and its workers");
    add(Command::incidents,
        "List the last timeouts, crashes, out-of-memory kills and failed boots, or show one")
        ->add_option("id", arguments_.incident, "Show all that is known of this one")
        ->type_name("ID")
        ->check(check_incident);
    add(Command::config, "Show the settings in force, each with where it was set");
    CLI::App* logs = add(Command::logs, "Show the end of the error log");
    logs->add_flag("-f,--follow", arguments_.follow, "Go on with what is written from now on");
    logs->add_option("--lines", arguments_.lines, "How many lines of it; default: 20")
        ->type_name("N")
        ->check(check_lines);
    add_top();
    add(Command::wait, "Wait until an instance is there and ready, or gone")
        ->add_option("--for", arguments_.goal, "running, ready (the default: all workers are) or stopped")
        ->type_name("STATE")
        ->transform(CLI::Transformer(std::map<std::string, Goal>{{"running", Goal::running},
                                                                 {"ready", Goal::ready},
                                                                 {"stopped", Goal::stopped}})
                        .description(""))
        ->default_str("");
  }

  void add_worker_commands() {
    CLI::App* worker = app_.add_subcommand("worker", "Replace or kill one worker");
    worker->require_subcommand(1);
    add(Command::worker_restart, "A fresh worker is ready before this one drains", "restart", worker);
    add(Command::worker_kill,
        "It leaves the stacks of its threads in the log and dies, with what it was running; its place is "
        "taken "
        "at once",
        "kill", worker);
    for (CLI::App* order : worker->get_subcommands(nullptr)) {
      order->add_option("pid", arguments_.pid, "Process id of the worker")
          ->type_name("PID")
          ->required()
          ->check(check_pid);
    }
  }

  void add_top() {
    CLI::App* top = add(Command::top, "Show workers, requests, rates and memory, again and again");
    top->add_option("--interval", arguments_.interval, "Time from one frame to the next; default: 1")
        ->type_name("SECONDS")
        ->check(check_interval);
    top->add_option("--count", arguments_.count, "End after so many frames")
        ->type_name("N")
        ->check(check_lines);
  }

  CLI::App* add(Command command, const char* description) {
    return add(command, description, name_of(command), &app_);
  }

  CLI::App* add(Command command, const char* description, const char* name, CLI::App* parent) {
    CLI::App* subcommand = parent->add_subcommand(name, description);
    subcommand->callback([this, command] { arguments_.command = command; });
    return subcommand;
  }

  std::string help() const {
    const CLI::App* chosen = &app_;
    while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
    return chosen->help();
  }

  CLI::App app_;
  Arguments arguments_;
  std::string scale_;
  double timeout_ = 0;
};

}  // namespace

const char* name_of(Command command) {
  switch (command) {
    case Command::list:
      return "list";
    case Command::status:
      return "status";
    case Command::incidents:
      return "incidents";
    case Command::config:
      return "config";
    case Command::logs:
      return "logs";
    case Command::top:
      return "top";
    case Command::wait:
      return "wait";
    case Command::stop:
      return "stop";
    case Command::restart:
      return "restart";
    case Command::reload:
      return "reload";
    case Command::rollback:
      return "rollback";
    case Command::refork:
      return "refork";
    case Command::scale:
      return "scale";
    case Command::upgrade:
      return "upgrade";
    case Command::reopen:
      return "reopen";
    case Command::worker_restart:
      return "worker restart";
    case Command::worker_kill:
      return "worker kill";
  }
  return "";
}

bool makes_job(Command command) {
  switch (command) {
    case Command::list:
    case Command::status:
    case Command::incidents:
    case Command::config:
    case Command::logs:
    case Command::top:
    case Command::wait:
      return false;
    default:
      return true;
  }
}

std::vector<CommandDescription> describe_commands() {
  return Parser().describe();
}

std::variant<Arguments, Usage> parse_arguments(int argc, const char* const* argv) {
  return Parser().parse(argc, argv);
}

std::optional<ScaleTarget> parse_scale(std::string_view text) {
  ScaleTarget target;
  target.relative = !text.empty() && (text.front() == '+' || text.front() == '-');
  const bool fewer = target.relative && text.front() == '-';
  if (target.relative) text.remove_prefix(1);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target.count);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (target.count < 1 || target.count > kMaxCount) return std::nullopt;
  if (fewer) target.count = -target.count;
  return target;
}

}  // namespace gserve::ctl
