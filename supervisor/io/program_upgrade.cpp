// SPDX-License-Identifier: MIT
#include "supervisor/io/program_upgrade.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "common/launch_contract.h"
#include "supervisor/core/supervisor.h"
#include "supervisor/io/memfd.h"
#include "supervisor/io/service_state.h"

namespace gserve::io {
namespace {

// What a program that fails has to say for itself.
constexpr std::size_t kMaxOutput = 4096;

std::string trimmed(std::string text) {
  const auto first = text.find_first_not_of(" \n");
  if (first == std::string::npos) return {};
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(first);
}

bool answers(const std::string& output) {
  return ("\n" + output).find(std::string("\n") + kCheckAnswer + "\n") != std::string::npos;
}

std::string verdict(const std::string& path, const core::ExitStatus& status, const std::string& output) {
  const bool good = status == core::ExitStatus{};
  if (good && answers(output)) return {};
  std::string reason = path + " cannot take over: " + core::describe(status);
  if (good) reason += " without saying that it can; is it a gserve that can upgrade?";
  const std::string said = trimmed(output);
  return said.empty() ? reason : reason + ": " + said;
}

}  // namespace

int check_state(int fd) {
  const auto decoded = decode(read_memfd(fd, kMaxState));
  if (const auto* wrong = std::get_if<std::string>(&decoded)) {
    std::fprintf(stderr, "%s\n", wrong->c_str());
    return 1;
  }
  const core::Supervisor supervisor(std::get<ServiceState>(decoded).core);
  std::printf("%s\n", kCheckAnswer);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

std::string ProgramUpgrade::check(core::JobId job, const std::string& binary) {
  const std::string path = binary.empty() ? surroundings_.own_path : binary;
  if (!path.starts_with('/')) return "cannot upgrade to " + path + ": the path must be absolute";
  try {
    return start(job, path);
  } catch (const std::exception& error) {
    return "cannot check " + path + ": " + error.what();
  }
}

std::string ProgramUpgrade::start(core::JobId job, const std::string& path) {
  const UniqueFd state = make_sealed_memfd("gserve-state", surroundings_.state(path));
  UniqueFd output = make_growing_memfd("gserve-check");
  ports::ProcessSpec spec;
  spec.argv = {path, "--check-state", std::to_string(contract::kFirstFd)};
  spec.environment = surroundings_.environment;
  spec.fds = {state.get()};
  spec.output = output.get();
  auto launched = launcher_.launch(spec);
  if (auto* reason = std::get_if<std::string>(&launched)) return std::move(*reason);
  auto& process = std::get<ports::Process>(launched);
  children_.emplace(process.pid, Child{job, path, std::move(process.pidfd), std::move(output)});
  checking_ = job;
  return {};
}

std::optional<core::UpgradeChecked> ProgramUpgrade::ended(const Reaped& reaped) {
  auto node = children_.extract(reaped.pid);
  if (!node || node.mapped().job != checking_) return std::nullopt;
  const Child& child = node.mapped();
  checking_ = 0;
  checked_path_ = child.path;
  return core::UpgradeChecked{child.job,
                              verdict(child.path, reaped.status, read_memfd(child.output.get(), kMaxOutput))};
}

void ProgramUpgrade::reexecute(core::JobId job) {
  wanted_ = Wanted{job, checked_path_};
  surroundings_.wanted();
}

void ProgramUpgrade::give_up(core::JobId) {
  wanted_.reset();
  for (const auto& [pid, child] : children_) {
    ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0);
  }
  checking_ = 0;
}

}  // namespace gserve::io
