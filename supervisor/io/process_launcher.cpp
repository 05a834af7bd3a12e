// SPDX-License-Identifier: MIT
#include "supervisor/io/process_launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// Boost 1.81's Process v2, when used with std::filesystem, forgets to include these.
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/posix/default_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <cstring>

#include "common/launch_contract.h"
#include "supervisor/io/descriptor_limit.h"
#include "supervisor/io/reaper.h"

namespace gserve::io {
namespace {

namespace process = boost::process::v2;
using boost::system::error_code;
using process::posix::default_launcher;
using Path = process::filesystem::path;
using CommandLine = const char* const*;

/// The environment as execve wants it, with room for LISTEN_PID: the child writes its own pid into its copy.
class EnvironmentBlock {
 public:
  explicit EnvironmentBlock(const std::vector<std::string>& environment) {
    pointers_.reserve(environment.size() + 2);
    for (const std::string& entry : environment) pointers_.push_back(entry.c_str());
    pointers_.push_back(listen_pid_.data());
    pointers_.push_back(nullptr);
  }
  EnvironmentBlock(const EnvironmentBlock&) = delete;
  EnvironmentBlock& operator=(const EnvironmentBlock&) = delete;

  const char* const* data() const { return pointers_.data(); }

  /// Async-signal-safe.
  void write_pid(pid_t pid) {
    std::array<char, 12> digits{};
    std::size_t count = 0;
    for (auto rest = static_cast<unsigned>(pid); rest > 0; rest /= 10) {
      digits[count++] = static_cast<char>('0' + rest % 10);
    }
    char* out = listen_pid_.data() + kPrefixLength;
    while (count > 0) *out++ = digits[--count];
    *out = '\0';
  }

 private:
  static constexpr std::size_t kPrefixLength = 11;
  std::array<char, 32> listen_pid_{"LISTEN_PID="};
  std::vector<const char*> pointers_;
};

/// While it lives, every descriptor number below `limit` is taken, so that what is opened next lands above:
/// the child's descriptors are put at the low numbers and must not fall on Boost's error pipe.
class LowDescriptorGuard {
 public:
  explicit LowDescriptorGuard(int limit) {
    for (;;) {
      UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, contract::kFirstFd));
      if (!fd || fd.get() >= limit) return;
      taken_.push_back(std::move(fd));
    }
  }

 private:
  std::vector<UniqueFd> taken_;
};

/// What happens in the child between fork and exec. Only async-signal-safe calls.
class ChildSetup {
 public:
  ChildSetup(const ports::ProcessSpec& spec, EnvironmentBlock& environment, const rlimit& nofile)
      : spec_(spec), environment_(environment), nofile_(nofile), staged_(spec.fds.size(), -1) {}

  /// In the parent, before the fork: tells Boost which descriptors its own clean-up must spare.
  error_code on_setup(default_launcher& launcher, const Path&, CommandLine&) const {
    for (int fd = contract::kFirstFd; fd < first_free(); ++fd) launcher.fd_whitelist.push_back(fd);
    // Room for the descriptor of the error pipe: the child must not allocate.
    launcher.fd_whitelist.reserve(launcher.fd_whitelist.size() + 1);
    return {};
  }

  error_code on_exec_setup(default_launcher&, const Path&, CommandLine&) {
    environment_.write_pid(::getpid());
    if (!place_descriptors() || !enter_directory() || ::setrlimit(RLIMIT_NOFILE, &nofile_) < 0 ||
        !take_identity()) {
      return {errno, boost::system::system_category()};
    }
    reset_signals();
    return {};
  }

  /// Boost leaves a child that could not exec by exit(3), which would run the supervisor's own clean-up.
  template <typename... Any>
  void on_exec_error(Any&&...) {
    ::_exit(127);
  }

 private:
  int first_free() const { return contract::kFirstFd + static_cast<int>(spec_.fds.size()); }

  /// Sources and targets may overlap: first everything out of the way, then each to its place.
  bool place_descriptors() {
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
      if (spec_.output >= 0 && ::dup2(spec_.output, stream) < 0) return false;
    }
    for (std::size_t i = 0; i < staged_.size(); ++i) {
      staged_[i] = ::fcntl(spec_.fds[i], F_DUPFD_CLOEXEC, first_free());
      if (staged_[i] < 0) return false;
    }
    for (std::size_t i = 0; i < staged_.size(); ++i) {
      if (::dup2(staged_[i], contract::kFirstFd + static_cast<int>(i)) < 0) return false;
    }
    // Not closed here: the pipe that reports a failed exec is among them.
    return ::syscall(SYS_close_range, first_free(), ~0U, CLOSE_RANGE_CLOEXEC) == 0;
  }

  bool enter_directory() const { return spec_.directory.empty() || ::chdir(spec_.directory.c_str()) == 0; }

  /// The system calls themselves: the library's functions would tell its threads.
  bool take_identity() const {
    if (!spec_.identity) return true;
    const auto& [user, group, groups] = *spec_.identity;
    return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0 &&
           ::syscall(SYS_setresgid, group, group, group) == 0 &&
           ::syscall(SYS_setresuid, user, user, user) == 0;
  }

  static void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  const ports::ProcessSpec& spec_;
  EnvironmentBlock& environment_;
  const rlimit& nofile_;
  std::vector<int> staged_;
};

std::string failure(const ports::ProcessSpec& spec, const std::string& why) {
  std::string text = "cannot start " + spec.argv.front();
  if (!spec.directory.empty()) text += " in " + spec.directory;
  return text + ": " + why;
}

/// The child's pid, or 0 with the reason in `error`. A context of its own for each launch: Boost's fork tells
/// the context's services, and the event loop's reactor would rebuild itself in the child.
pid_t fork_and_exec(const ports::ProcessSpec& spec, const rlimit& nofile, error_code& error) {
  EnvironmentBlock environment(spec.environment);
  ChildSetup setup(spec, environment, nofile);
  boost::asio::io_context context(1);
  default_launcher launcher;
  launcher.env = environment.data();
  const std::vector<std::string> arguments(spec.argv.begin() + 1, spec.argv.end());
  try {
    auto child = launcher(context.get_executor(), error, Path(spec.argv.front()), arguments, setup);
    child.detach();
  } catch (const boost::system::system_error& failed) {
    // Out of descriptors after the fork: the child itself is well.
    if (launcher.pid <= 0) error = failed.code();
  }
  if (error && launcher.pid > 0) reap_child(launcher.pid);  // it could not exec and has ended
  return error ? 0 : launcher.pid;
}

}  // namespace

std::variant<ports::Process, std::string> BoostProcessLauncher::launch(const ports::ProcessSpec& spec) {
  const int count = static_cast<int>(spec.fds.size());
  const LowDescriptorGuard guard(contract::kFirstFd + count);
  error_code error;
  const pid_t pid = fork_and_exec(spec, nofile_, error);
  if (error) return failure(spec, error.message() + descriptor_limit_hint(error.value()));
  ports::Process process{pid, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
  if (process.pidfd) return process;
  const int saved = errno;
  ::kill(pid, SIGKILL);  // not yet reaped, so the pid is still its own
  reap_child(pid);
  return failure(spec, std::string("no descriptor for the process: ") + std::strerror(saved) +
                           descriptor_limit_hint(saved));
}

}  // namespace gserve::io
