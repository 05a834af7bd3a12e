// SPDX-License-Identifier: MIT
#include "supervisor/io/start_context.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace gserve::io {
namespace {

/// A closed standard descriptor would be given to the next file or socket opened, and a stray print would
/// write there.
void open_standard_descriptors() {
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open /dev/null");
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

rlimit raise_descriptor_limit() {
  rlimit given{};
  ::getrlimit(RLIMIT_NOFILE, &given);
  rlimit raised = given;
  raised.rlim_cur = given.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &raised);  // refused: we live with what we have
  return given;
}

std::vector<std::string> read_environment() {
  std::vector<std::string> environment;
  for (char** entry = environ; entry && *entry; ++entry) environment.emplace_back(*entry);
  return environment;
}

/// As it was called, symbolic links unresolved: a package upgrade may point them elsewhere (getauxval(3)).
std::string started_from(const std::string& directory) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): getauxval returns the address as a number
  const auto* path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  return (std::filesystem::path(directory) / (path ? path : "")).string();
}

/// As a shell has come here, if that is still here: a reload then follows a symbolic link that has moved.
std::string start_directory(const std::map<std::string, std::string>& environment) {
  const auto shell = environment.find("PWD");
  std::error_code error;
  const bool same = shell != environment.end() && std::filesystem::path(shell->second).is_absolute() &&
                    std::filesystem::equivalent(shell->second, ".", error);
  if (same && !error) return shell->second;
  std::string found = std::filesystem::current_path(error).string();
  if (!error) return found;
  throw std::runtime_error("cannot find the current directory: " + error.message() +
                           "; was it removed? Start gserve in one that exists");
}

}  // namespace

std::map<std::string, std::string> by_name(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> map;
  for (const std::string_view text : environment) {
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) map.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return map;
}

config::Environment StartContext::lookup() const {
  return [this](const std::string& name) -> std::optional<std::string> {
    const auto entry = environment.find(name);
    if (entry == environment.end()) return std::nullopt;
    return entry->second;
  };
}

StartContext prepare_process(int argc, char** argv) {
  StartContext context;
  context.started = std::chrono::steady_clock::now();
  open_standard_descriptors();
  context.nofile = raise_descriptor_limit();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  context.invocation.arguments.assign(argv + (argc > 0 ? 1 : 0), argv + argc);
  context.environment = by_name(read_environment());
  context.invocation.directory = start_directory(context.environment);
  context.argv.assign(argv, argv + argc);
  context.binary = started_from(context.invocation.directory);
  context.binary_directory = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  return context;
}

}  // namespace gserve::io
