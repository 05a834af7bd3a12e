// SPDX-License-Identifier: MIT
#include <exception>
#include <iostream>
#include <variant>

#include "ctl/arguments.h"
#include "ctl/commands.h"
#include "ctl/discovery.h"
#include "ctl/exit_codes.h"

namespace ctl = gserve::ctl;

int main(int argc, char** argv) {
  try {
    const auto parsed = ctl::parse_arguments(argc, argv);
    if (const auto* usage = std::get_if<ctl::Usage>(&parsed)) {
      (usage->exit_code == ctl::kExitDone ? std::cout : std::cerr) << usage->text;
      return usage->exit_code;
    }
    return ctl::run_command(std::get<ctl::Arguments>(parsed), ctl::instance_roots(), std::cout, std::cerr);
  } catch (const std::exception& failure) {
    std::cerr << "gservectl: " << failure.what() << "\n";
    return ctl::kExitFailed;
  }
}
