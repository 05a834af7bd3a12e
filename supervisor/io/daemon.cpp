// SPDX-License-Identifier: MIT
#include "supervisor/io/daemon.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "supervisor/io/reaper.h"

namespace gserve::io {
namespace {

constexpr int kFailed = 1;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

pid_t fork_or_fail() {
  const pid_t pid = ::fork();
  if (pid < 0) fail("cannot become a daemon: fork");
  return pid;
}

/// What the daemon tells: a byte, then text to the end.
std::string read_report(int pipe) {
  std::string told;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(pipe, buffer, sizeof buffer);
    if (size > 0) told.append(buffer, static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno != EINTR)) return told;
  }
}

/// In the process that was called. Its signals do again what they do by default: the wait can be interrupted.
int wait_for_daemon(int pipe) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::string told = read_report(pipe);
  if (told.empty()) std::fputs("gserve: the daemon has ended before it could serve; see its log\n", stderr);
  if (told.size() > 1) std::fputs(told.c_str() + 1, stderr);
  return told.empty() ? kFailed : static_cast<unsigned char>(told[0]);
}

void let_go_of_terminal(bool keep_output) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) fail("cannot open /dev/null");
  ::dup2(null.get(), STDIN_FILENO);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    if (!keep_output || ::isatty(stream) != 0) ::dup2(null.get(), stream);
  }
}

}  // namespace

void DaemonReport::tell(int code, const std::string& text) {
  const std::string told = static_cast<char>(code) + text.substr(0, PIPE_BUF - 1);
  // Fails only when who waited has gone: then nobody is left to be told.
  if (pipe_) [[maybe_unused]]
    const ssize_t n = ::write(pipe_.get(), told.data(), told.size());
  pipe_ = UniqueFd();
}

Daemonized daemonize(bool keep_output) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot become a daemon: pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  if (const pid_t middle = fork_or_fail(); middle > 0) {
    writing = UniqueFd();
    reap_child(middle);
    return {{}, wait_for_daemon(reading.get())};
  }
  ::setsid();
  if (fork_or_fail() > 0) ::_exit(0);
  reading = UniqueFd();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // not inherited
  ::umask(022);
  let_go_of_terminal(keep_output);
  return {DaemonReport(std::move(writing)), std::nullopt};
}

}  // namespace gserve::io
