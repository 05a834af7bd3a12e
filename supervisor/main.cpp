// SPDX-License-Identifier: MIT
// gserve, the supervisor: owns the listening sockets and keeps worker processes alive. Never runs application
// code.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "supervisor/config/command_line.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/shell.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"

namespace {

int say(const gserve::config::Ending& ending) {
  const std::string text = gserve::config::printed(ending);
  std::fputs(text.c_str(), ending.to_stdout ? stdout : stderr);
  return ending.exit_code;
}

int serve(int argc, char** argv) {
  const gserve::io::StartContext context = gserve::io::prepare_process(argc, argv);
  auto loaded = gserve::io::load_deployment(context);
  if (const auto* ending = std::get_if<gserve::config::Ending>(&loaded)) return say(*ending);
  gserve::io::Shell shell(context, std::get<gserve::io::Deployment>(std::move(loaded)));
  return shell.run();
}

}  // namespace

int main(int argc, char** argv) {
  gserve::io::block_handled_signals();
  try {
    return serve(argc, argv);
  } catch (const gserve::io::StartFailure& failure) {
    return say({failure.exit_code(), failure.what()});
  } catch (const std::exception& error) {
    return say({1, error.what()});
  }
}
