// SPDX-License-Identifier: MIT
#include "supervisor/io/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gserve::io {
namespace {

constexpr struct {
  int number;
  const char* name;
} kHandled[] = {{SIGTERM, "SIGTERM"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGHUP, "SIGHUP"},
                {SIGTTIN, "SIGTTIN"},   {SIGTTOU, "SIGTTOU"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
                {SIGWINCH, "SIGWINCH"}, {SIGCHLD, "SIGCHLD"}};

sigset_t handled_set() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const auto& signal : kHandled) ::sigaddset(&set, signal.number);
  return set;
}

}  // namespace

void block_handled_signals() {
  const sigset_t set = handled_set();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  // A parent may have left SIGCHLD ignored, which would make the kernel reap our children by itself.
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
}

const char* signal_name(int signal) {
  for (const auto& handled : kHandled) {
    if (handled.number == signal) return handled.name;
  }
  return "signal";
}

SignalQueue::SignalQueue() {
  const sigset_t set = handled_set();
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "cannot open a signalfd");
}

std::vector<int> SignalQueue::read() {
  std::vector<int> signals;
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    signals.push_back(static_cast<int>(info.ssi_signo));
  }
  return signals;
}

}  // namespace gserve::io
