// SPDX-License-Identifier: MIT
#include "supervisor/io/hook_process.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>

#include "common/launch_contract.h"
#include "supervisor/config/names.h"
#include "supervisor/config/snapshot.h"
#include "supervisor/io/descriptor_passing.h"
#include "supervisor/io/interpreter_environment.h"
#include "supervisor/io/memfd.h"
#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"

namespace gserve::io {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxWord = std::size_t{256} << 10;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The process overwrites its arguments with what ps shows of it.
std::vector<std::string> arguments(const HookOrigin& origin) {
  constexpr std::size_t kRoom = 80;
  return {origin.python, "-P", "-m", "gserve", std::string(kRoom, '-'), "hooks"};
}

Json present_workers(const std::vector<PresentWorker>& present) {
  Json list = Json::array();
  for (const PresentWorker& each : present) list.push_back({each.launch, each.pid, each.age});
  return list;
}

std::optional<HookWord> understood(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  if (json.contains("ready")) return HookProcessReady{};
  const auto done = json.find("done");
  if (done == json.end() || !done->is_number_unsigned()) return std::nullopt;
  const auto raised = json.find("raised");
  const bool has_raised = raised != json.end() && raised->is_string();
  return HookAnswer{done->get<std::uint64_t>(), has_raised ? raised->get<std::string>() : ""};
}

}  // namespace

HookOrigin hook_origin(const StartContext& context, const std::string& instance, const Deployment& deployment,
                       core::Generation generation) {
  auto variables = interpreter_environment(context);
  add_raw_env(variables, deployment.settings);
  variables["LISTEN_FDS"] = "3";
  variables["LISTEN_FDNAMES"] = std::string(contract::kSettings) + ':' + std::string(contract::kHooks) + ':' +
                                std::string(contract::kErrorLog);
  config::LaunchInfo info;
  info.generation = generation;
  info.instance = instance;
  info.directory = context.invocation.directory;
  info.supervisor = ::getpid();
  return {deployment.python, deployment.settings.text("chdir"), entries(variables),
          config::worker_snapshot(deployment.settings, info)};
}

std::string HookProcess::start(const HookOrigin& origin, int error_log) {
  try {
    const UniqueFd settings = make_sealed_memfd("gserve-settings", origin.settings);
    auto [ours, theirs] = packet_pair("the hook process");
    ports::ProcessSpec spec;
    spec.argv = arguments(origin);
    spec.environment = origin.environment;
    spec.fds = {settings.get(), theirs.get(), error_log};
    spec.directory = origin.directory;
    auto launched = BoostProcessLauncher(nofile_).launch(spec);
    if (auto* reason = std::get_if<std::string>(&launched)) return std::move(*reason);
    process_ = std::get<ports::Process>(std::move(launched));
    control_ = std::move(ours);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void HookProcess::end() {
  if (process_.pid == 0) return;
  kill();
  reap_child(process_.pid);
  gone();
}

void HookProcess::kill() const {
  ::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), SIGKILL, nullptr, 0);
}

void HookProcess::gone() {
  process_ = {};
  control_.reset();
}

std::string HookProcess::call(const core::SendHookCall& order, const std::vector<PresentWorker>& present) {
  const core::HookCall& call = order.call;
  Json json{{"call", order.id},       {"hook", call.name}, {"generation", call.generation},
            {"workers", call.target}, {"before", nullptr}, {"present", present_workers(present)}};
  if (call.before) json["before"] = *call.before;
  if (call.launch != 0) json["worker"] = {{"launch", call.launch}, {"pid", call.pid}, {"age", call.age}};
  return send(dump(json), {});
}

std::string HookProcess::configure(std::uint64_t id, const HookOrigin& origin) {
  try {
    const UniqueFd settings = make_sealed_memfd("gserve-settings", origin.settings);
    return send(dump({{"call", id}, {"hook", core::kConfigure}}), {settings.get()});
  } catch (const std::exception& error) {
    return error.what();
  }
}

void HookProcess::forget(core::Generation generation) {
  send(dump({{"forget", generation}}), {});
}

void HookProcess::hand_over_log(int error_log) {
  send(dump({{"logs", true}}), {error_log});
}

std::vector<HookWord> HookProcess::hear(bool* ended) {
  std::vector<HookWord> words;
  while (auto message = receive_with_descriptors(control_.get(), kMaxWord, ended)) {
    if (auto word = understood(message->text)) words.push_back(std::move(*word));
  }
  return words;
}

std::string HookProcess::send(const std::string& text, const std::vector<int>& fds) const {
  if (!control_) return "there is none";
  const int error = send_with_descriptors(control_.get(), text, fds);
  return error == 0 ? "" : std::strerror(error);
}

std::optional<HookProcessState> HookProcess::state() const {
  if (process_.pid == 0) return std::nullopt;
  return HookProcessState{process_.pid, process_.pidfd.get(), control_.get(), 0};
}

void HookProcess::restore(const HookProcessState& state) {
  process_ = {state.pid, UniqueFd(state.pidfd)};
  control_ = UniqueFd(state.control);
}

}  // namespace gserve::io
