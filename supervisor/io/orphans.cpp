// SPDX-License-Identifier: MIT
#include "supervisor/io/orphans.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "supervisor/core/types.h"
#include "supervisor/io/reaper.h"

namespace gserve::io {
namespace {

using Clock = std::chrono::steady_clock;

/// proc(5): the main thread's children; the supervisor has no other thread.
std::set<core::Pid> children() {
  const std::string self = std::to_string(::getpid());
  std::ifstream list("/proc/" + self + "/task/" + self + "/children");
  std::set<core::Pid> pids;
  core::Pid pid = 0;
  while (list >> pid) pids.insert(pid);
  return pids;
}

/// Until a child may have ended, or `until`.
void wait_for_child(SignalQueue& signals, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
  pollfd watched{signals.fd(), POLLIN, 0};
  ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  signals.read();
}

}  // namespace

int end_orphans(SignalQueue& signals, std::chrono::milliseconds patience) {
  const auto kill_at = Clock::now() + patience;
  int ended = 0;
  std::set<core::Pid> told;
  for (;;) {
    reap_children([] {}, [&](const Reaped& reaped) { ended += static_cast<int>(told.erase(reaped.pid)); });
    const bool overdue = Clock::now() >= kill_at;
    const std::set<core::Pid> left = children();
    if (left.empty() || Clock::now() >= kill_at + patience) return ended;
    for (const core::Pid pid : left) {
      // Ours and not reaped, so the pid is still its own. The death of one may hand us its children in turn.
      const bool first = told.insert(pid).second;
      if (overdue || first) ::kill(pid, overdue ? SIGKILL : SIGTERM);
    }
    wait_for_child(signals, overdue ? kill_at + patience : kill_at);
  }
}

}  // namespace gserve::io
