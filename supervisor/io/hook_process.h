// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/core/hook_queue.h"
#include "supervisor/io/deployment_loader.h"
#include "supervisor/io/present_worker.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/start_context.h"

namespace gserve::io {

/// What starts a hook process, and what it is told of a generation.
struct HookOrigin {
  std::string python;
  std::string directory;
  std::vector<std::string> environment;
  std::string settings;  // the snapshot, JSON
};
HookOrigin hook_origin(const StartContext& context, const std::string& instance, const Deployment& deployment,
                       core::Generation generation);

/// What the process has said.
struct HookProcessReady {};
struct HookAnswer {
  std::uint64_t id = 0;
  std::string raised;  // the traceback; empty: it has returned
};
using HookWord = std::variant<HookProcessReady, HookAnswer>;

/// The process that runs the hooks of the master (python/gserve/master_hooks.py; "Hooks" in
/// common/launch_contract.h): its life and its socket, and no decision. Nothing here blocks but end().
class HookProcess {
 public:
  explicit HookProcess(const rlimit& nofile) : nofile_(nofile) {}
  ~HookProcess() { end(); }
  HookProcess(const HookProcess&) = delete;
  HookProcess& operator=(const HookProcess&) = delete;

  /// Why it could not be started, or an empty text. `error_log` is borrowed.
  std::string start(const HookOrigin& origin, int error_log);
  /// It is gone without a trace, unless it was reaped already: SIGKILL, and reaps it.
  void end();
  void kill() const;
  /// It was reaped.
  void gone();

  core::Pid pid() const { return process_.pid; }  // 0: there is none
  int fd() const { return control_.get(); }       // -1: there is none

  /// Why it did not take that, or an empty text.
  std::string call(const core::SendHookCall& order, const std::vector<PresentWorker>& present);
  std::string configure(std::uint64_t id, const HookOrigin& origin);
  void forget(core::Generation generation);
  void hand_over_log(int error_log);
  /// All that it has said. `*ended` becomes true when it says no more.
  std::vector<HookWord> hear(bool* ended);

  std::optional<HookProcessState> state() const;
  void restore(const HookProcessState& state);

 private:
  std::string send(const std::string& text, const std::vector<int>& fds) const;

  rlimit nofile_;
  ports::Process process_;
  UniqueFd control_;
};

}  // namespace gserve::io
