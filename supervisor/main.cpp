// SPDX-License-Identifier: MIT
// gserve, the supervisor: owns the listening sockets and keeps worker processes alive. Never runs application
// code.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "supervisor/config/command_line.h"
#include "supervisor/io/configuration_check.h"
#include "supervisor/io/daemon.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/program_upgrade.h"
#include "supervisor/io/resources.h"
#include "supervisor/io/restoration.h"
#include "supervisor/io/shell.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"

namespace {

namespace config = gserve::config;
namespace io = gserve::io;

int say(const config::Ending& ending) {
  const std::string text = config::printed(ending);
  std::fputs(text.c_str(), ending.to_stdout ? stdout : stderr);
  return ending.exit_code;
}

/// `report` hears whether the service can serve.
int run(const io::StartContext& context, const io::Deployment& deployment, io::SignalQueue& signals,
        io::DaemonReport report) {
  try {
    io::Resources resources = io::take_resources(context, deployment, signals);
    io::Shell shell(context, signals, resources, deployment);
    shell.on_ready([&] { report.tell(0); });
    const int code = shell.run();
    report.tell(code, config::printed({code, "the service has ended; its error log says why"}));
    return code;
  } catch (const io::StartFailure& failure) {
    report.tell(failure.exit_code(), config::printed({failure.exit_code(), failure.what()}));
    throw;
  }
}

int start(const io::StartContext& context) {
  io::SignalQueue signals;
  auto loaded = io::load_deployment(context, &signals);
  if (const auto* ending = std::get_if<config::Ending>(&loaded)) return say(*ending);
  const auto& deployment = std::get<io::Deployment>(loaded);
  if (io::is_check(deployment.settings)) return io::check(context, deployment, signals);
  const config::Settings& settings = deployment.settings;
  if (!settings.flag("daemon")) return run(context, deployment, signals, {});
  io::Daemonized daemonized = io::daemonize(settings.flag("enable_stdio_inheritance"));
  if (daemonized.exit_code) return *daemonized.exit_code;
  return run(context, deployment, signals, std::move(daemonized.report));
}

/// Goes on with the service that another program in this process ran, or gives the process back to it.
int go_on(io::StartContext& context, const io::PassedOn& passed) {
  io::SignalQueue signals;
  std::optional<io::Restoration> restoration;
  try {
    restoration.emplace(context, signals, passed);
  } catch (const std::exception& error) {
    std::string reason = error.what();
    if (passed.failure.empty()) reason = io::give_back(passed, io::program_call(context), reason);
    return say({1, reason});
  }
  restoration->commit();
  return restoration->shell().resume(passed.failure);
}

int serve(int argc, char** argv) {
  const std::optional<io::PassedOn> passed = io::take_passed_on();
  io::StartContext context = io::prepare_process(argc, argv);
  return passed ? go_on(context, *passed) : start(context);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--check-state") return io::check_state(std::atoi(argv[2]));
  io::block_handled_signals();
  try {
    return serve(argc, argv);
  } catch (const io::StartFailure& failure) {
    return say({failure.exit_code(), failure.what()});
  } catch (const std::exception& error) {
    return say({1, error.what()});
  }
}
