// SPDX-License-Identifier: MIT
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ctl/arguments.h"
#include "ctl/commands.h"
#include "ctl/completion.h"
#include "ctl/discovery.h"
#include "ctl/exit_codes.h"
#include "ctl/remote.h"

namespace ctl = gserve::ctl;

namespace {

// What a shell asks with a command line that is still being typed: `gservectl __complete WORD...`.
constexpr std::string_view kComplete = "__complete";

int complete(const std::vector<std::string>& words) {
  std::cout << ctl::render_candidates(
      ctl::complete(ctl::describe_commands(), words, ctl::lookup_in(ctl::instance_roots())));
  return ctl::kExitDone;
}

int run(int argc, char** argv) {
  if (argc > 1 && argv[1] == kComplete) return complete({argv + 2, argv + argc});
  const auto parsed = ctl::parse_arguments(argc, argv);
  if (const auto* usage = std::get_if<ctl::Usage>(&parsed)) {
    (usage->exit_code == ctl::kExitDone ? std::cout : std::cerr) << usage->text;
    return usage->exit_code;
  }
  const auto& arguments = std::get<ctl::Arguments>(parsed);
  if (!arguments.host.empty()) {
    std::cerr << "gservectl: " << ctl::run_remotely(arguments.host, {argv + 1, argv + argc}) << "\n";
    return ctl::kExitFailed;
  }
  return ctl::run_command(arguments, ctl::instance_roots(), std::cout, std::cerr, ctl::standard_output());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    std::cerr << "gservectl: " << failure.what() << "\n";
    return ctl::kExitFailed;
  }
}
