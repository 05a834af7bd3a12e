// SPDX-License-Identifier: MIT
#include "supervisor/io/configuration_check.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <variant>

#include "common/launch_contract.h"
#include "supervisor/config/names.h"
#include "supervisor/config/print.h"
#include "supervisor/config/snapshot.h"
#include "supervisor/io/interpreter_environment.h"
#include "supervisor/io/memfd.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"
#include "supervisor/io/worker_launcher.h"

namespace gserve::io {
namespace {

ports::ProcessSpec check_spec(const StartContext& context, const Deployment& deployment, int settings) {
  auto variables = interpreter_environment(context);
  add_raw_env(variables, deployment.settings);
  variables["LISTEN_FDS"] = "1";
  variables["LISTEN_FDNAMES"] = contract::kSettings;
  ports::ProcessSpec spec;
  spec.argv = {deployment.python, "-P", "-m", "gserve.check_app"};
  spec.environment = entries(variables);
  spec.fds = {settings};
  spec.directory = deployment.settings.text("chdir");
  spec.identity = deployment.identity;
  return spec;
}

}  // namespace

bool is_check(const config::Settings& settings) {
  return settings.flag("check_config") || settings.flag("print_config") || settings.flag("print_config_json");
}

int check(const StartContext& context, const Deployment& deployment, SignalQueue& signals) {
  const config::Settings& settings = deployment.settings;
  if (settings.flag("print_config")) std::fputs(config::printed_config(settings).c_str(), stdout);
  if (settings.flag("print_config_json")) std::fputs(config::printed_config_json(settings).c_str(), stdout);
  std::fflush(stdout);
  config::LaunchInfo info;
  info.instance = config::instance_name(settings);
  const UniqueFd snapshot = make_sealed_memfd("gserve-settings", config::worker_snapshot(settings, info));
  BoostProcessLauncher launcher(context.nofile);
  auto launched = launcher.launch(check_spec(context, deployment, snapshot.get()));
  if (const auto* reason = std::get_if<std::string>(&launched)) {
    std::fprintf(stderr, "gserve: %s\n", reason->c_str());
    return 1;
  }
  const auto& process = std::get<ports::Process>(launched);
  if (!signals.wait_unless_stopped(process.pidfd.get())) {
    ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGKILL, nullptr, 0);
  }
  return reap_child(process.pid) == core::ExitStatus{} ? 0 : 1;
}

}  // namespace gserve::io
