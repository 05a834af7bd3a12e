// SPDX-License-Identifier: MIT
#include "ctl/screen.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace gserve::ctl {
namespace {

// ECMA-48 and xterm: the alternate screen, without a cursor.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGWINCH}) sigaddset(&set, number);
  return set;
}

}  // namespace

Screen::Screen(std::ostream& out) : out_(out) {
  const sigset_t set = watched_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  out_ << kEnter << std::flush;
}

Screen::~Screen() {
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  out_ << kLeave << std::flush;
  const sigset_t set = watched_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

std::string Screen::read_keys(Deadline deadline) {
  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
  if (poll(watched, 2, poll_timeout(deadline)) <= 0) return {};
  if (watched[1].revents != 0) on_signal();
  if (watched[0].revents == 0) return {};
  char bytes[64];
  const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
  if (got <= 0) ended_ = true;
  return {bytes, static_cast<std::size_t>(got > 0 ? got : 0)};
}

void Screen::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGWINCH) ended_ = true;
  }
}

}  // namespace gserve::ctl
