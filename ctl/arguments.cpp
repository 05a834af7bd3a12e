// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>

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

std::string check_incident(const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool good = error == std::errc() && end == text.data() + text.size() && id > 0;
  return good ? "" : "\"" + text + "\" is not the number of an incident";
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

 private:
  void add_options() {
    app_.add_option("-n,--name", arguments_.name, "Instance; not needed while only one runs")
        ->type_name("NAME")
        ->check(check_name);
    app_.add_option("--socket", arguments_.socket, "Control socket, in place of searching for it")
        ->type_name("PATH");
    app_.add_flag("--json", arguments_.json, "Print JSON");
    app_.add_flag("--no-wait", arguments_.no_wait, "Print the job's id and do not wait for its result");
    app_.add_option("--timeout", timeout_, "Wait no longer than this; the job goes on")
        ->type_name("SECONDS")
        ->check(check_timeout);
  }

  void add_commands() {
    add(Command::list, "List the running instances");
    add(Command::status, "Show an instance and its workers");
    add(Command::incidents,
        "List the last timeouts, crashes, out-of-memory kills and failed boots, or show one")
        ->add_option("id", arguments_.incident, "Show all that is known of this one")
        ->type_name("ID")
        ->check(check_incident);
    add(Command::stop, "Stop an instance and wait until it is gone")
        ->add_flag("--quick", arguments_.quick, "Do not wait for running requests");
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
  }

  CLI::App* add(Command command, const char* description) {
    CLI::App* subcommand = app_.add_subcommand(name_of(command), description);
    subcommand->callback([this, command] { arguments_.command = command; });
    return subcommand;
  }

  std::string help() const {
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? app_.help() : chosen.front()->help();
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
    case Command::stop:
      return "stop";
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
  }
  return "";
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
