// SPDX-License-Identifier: MIT
#include "supervisor/io/reexecution.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace gserve::io {
namespace {

constexpr char kVariable[] = "GSERVE_UPGRADE";
constexpr char kFailureVariable[] = "GSERVE_UPGRADE_FAILED";

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value ? value : "";
  ::unsetenv(name);
  return text;
}

std::string variable(int state, int image) {
  return std::string(kVariable) + "=" + std::to_string(::getpid()) + ":" + std::to_string(state) + ":" +
         std::to_string(image);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

std::string cannot_execute(const std::string& what) {
  return "cannot execute " + what + ": " + std::generic_category().message(errno);
}

/// The descriptors stay open over an execve(2) while this lives: no fork may happen meanwhile.
class OpenAcrossExec {
 public:
  explicit OpenAcrossExec(std::vector<int> fds) : fds_(std::move(fds)) {
    for (const int fd : fds_) set_cloexec(fd, false);
  }
  ~OpenAcrossExec() {
    for (const int fd : fds_) set_cloexec(fd, true);
  }
  OpenAcrossExec(const OpenAcrossExec&) = delete;
  OpenAcrossExec& operator=(const OpenAcrossExec&) = delete;

 private:
  std::vector<int> fds_;
};

}  // namespace

void set_cloexec(int fd, bool on) {
  ::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

std::optional<PassedOn> take_passed_on() {
  PassedOn passed;
  const std::string text = take_variable(kVariable);
  passed.failure = take_variable(kFailureVariable);
  int pid = 0;
  if (std::sscanf(text.c_str(), "%d:%d:%d", &pid, &passed.state, &passed.image) != 3) return std::nullopt;
  if (pid != ::getpid()) return std::nullopt;
  return passed;
}

std::string execute(const std::string& path, const ProgramCall& call, const UniqueFd& state,
                    const std::vector<int>& fds) {
  // The file itself: its name may be another program's by now, or nobody's.
  const UniqueFd image(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!image) return cannot_execute("another program without keeping this one");
  ProgramCall next = call;
  next.environment.push_back(variable(state.get(), image.get()));
  const auto argv = pointers(next.argv);
  const auto environment = pointers(next.environment);
  std::vector<int> open = fds;
  open.insert(open.end(), {state.get(), image.get()});
  const OpenAcrossExec across(std::move(open));
  ::execve(path.c_str(), argv.data(), environment.data());
  return cannot_execute(path);
}

std::string give_back(const PassedOn& passed, const ProgramCall& call, const std::string& why) {
  ProgramCall old = call;
  std::string failure = std::string(kFailureVariable) + "=" + why;
  std::replace(failure.begin(), failure.end(), '\0', ' ');
  old.environment.push_back(variable(passed.state, passed.image));
  old.environment.push_back(std::move(failure));
  ::fexecve(passed.image, pointers(old.argv).data(), pointers(old.environment).data());
  return cannot_execute("the program that ran before");
}

}  // namespace gserve::io
