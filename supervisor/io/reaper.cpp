// SPDX-License-Identifier: MIT
#include "supervisor/io/reaper.h"

#include <sys/wait.h>

#include <cerrno>

namespace gserve::io {
namespace {

core::ExitStatus to_status(const siginfo_t& info) {
  core::ExitStatus status;
  status.code = info.si_status;
  if (info.si_code != CLD_EXITED) {
    status.kind = core::ExitStatus::Kind::signalled;
    status.core_dumped = info.si_code == CLD_DUMPED;
  }
  return status;
}

int waitid_retrying(idtype_t type, id_t id, siginfo_t& info, int options) {
  int result;
  do {
    info = {};
    result = ::waitid(type, id, &info, options);
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

void reap_children(const std::function<void()>& before_reap,
                   const std::function<void(const Reaped&)>& reaped) {
  for (;;) {
    siginfo_t info;
    if (waitid_retrying(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
    const Reaped child{info.si_pid, to_status(info)};
    before_reap();
    waitid_retrying(P_PID, static_cast<id_t>(child.pid), info, WEXITED | WNOHANG);
    reaped(child);
  }
}

bool is_child(int pidfd) {
  siginfo_t info;
  return waitid_retrying(P_PIDFD, static_cast<id_t>(pidfd), info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

core::ExitStatus reap_child(core::Pid pid) {
  siginfo_t info;
  waitid_retrying(P_PID, static_cast<id_t>(pid), info, WEXITED);
  return to_status(info);
}

}  // namespace gserve::io
