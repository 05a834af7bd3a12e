// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control_calls.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "common/control_contract.h"
#include "supervisor/io/sd_bus_control_text.h"

namespace gserve::io {
namespace {

/// The name that the kernel knows process `pid` by; anyone may choose their own, so it is only for the log.
std::string process_name(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return name.empty() ? "control client" : name;
}

}  // namespace

std::optional<PeerId> ControlCalls::accept(core::RequestId request, core::JobId job) {
  const std::optional<Held> held = take(request);
  if (!held) return std::nullopt;
  sd_bus_reply_method_return(held->call.get(), "t", job);
  return held->peer;
}

std::optional<PeerId> ControlCalls::refuse(core::RequestId request, const std::string& reason) {
  const std::optional<Held> held = take(request);
  if (!held) return std::nullopt;
  sd_bus_reply_method_errorf(held->call.get(), control::kErrorRefused, "%s", bus_text(reason).c_str());
  return held->peer;
}

void ControlCalls::forget(PeerId peer) {
  std::erase_if(held_, [peer](const auto& entry) { return entry.second.peer == peer; });
}

int ControlCalls::admit(const Caller& caller, sd_bus_error* error) const {
  if (closed_) return sd_bus_error_set(error, control::kErrorStopping, "the supervisor is ending");
  const auto of_peer = std::count_if(held_.begin(), held_.end(),
                                     [&](const auto& entry) { return entry.second.peer == caller.peer; });
  if (static_cast<std::size_t>(of_peer) < per_peer_) return 0;
  return sd_bus_error_set(error, control::kErrorRefused, "too many calls of this client wait for an answer");
}

core::RequestId ControlCalls::hold(sd_bus_message* call, PeerId peer) {
  held_.emplace(++last_request_, Held{peer, MessagePtr(sd_bus_message_ref(call))});
  return last_request_;
}

std::optional<ControlCalls::Held> ControlCalls::take(core::RequestId request) {
  const auto found = held_.find(request);
  if (found == held_.end()) return std::nullopt;
  std::optional<Held> held(std::move(found->second));
  held_.erase(found);
  return held;
}

std::string ControlCalls::describe(const Caller& caller) {
  return process_name(caller.pid) + "[" + std::to_string(caller.pid) + "] (uid " +
         std::to_string(caller.uid) + ")";
}

}  // namespace gserve::io
