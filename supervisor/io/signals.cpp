// SPDX-License-Identifier: MIT
#include "supervisor/io/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
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

bool asks_to_stop(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT;
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

bool SignalQueue::wait_unless_stopped(int fd, std::optional<std::chrono::milliseconds> limit) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + limit.value_or(std::chrono::milliseconds(0));
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    if (limit && left.count() <= 0) return true;
    pollfd watched[] = {{fd_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    ::poll(watched, 2, limit ? static_cast<int>(left.count()) : -1);
    const auto arrived = read();
    if (std::any_of(arrived.begin(), arrived.end(), asks_to_stop)) return false;
    if (watched[1].revents != 0) return true;
  }
}

}  // namespace gserve::io
