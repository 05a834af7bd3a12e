// SPDX-License-Identifier: MIT
#include "supervisor/core/types.h"

#include <csignal>
#include <cstdio>

namespace gserve::core {
namespace {

std::string signal_name(int number) {
  switch (number) {
    case SIGHUP:
      return "SIGHUP";
    case SIGINT:
      return "SIGINT";
    case SIGQUIT:
      return "SIGQUIT";
    case SIGILL:
      return "SIGILL";
    case SIGTRAP:
      return "SIGTRAP";
    case SIGABRT:
      return "SIGABRT";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGKILL:
      return "SIGKILL";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGSEGV:
      return "SIGSEGV";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGPIPE:
      return "SIGPIPE";
    case SIGALRM:
      return "SIGALRM";
    case SIGTERM:
      return "SIGTERM";
    case SIGXCPU:
      return "SIGXCPU";
    case SIGXFSZ:
      return "SIGXFSZ";
    case SIGSYS:
      return "SIGSYS";
    default:
      return "signal " + std::to_string(number);
  }
}

}  // namespace

int boot_exit_code(const ExitStatus& status) {
  const bool boot = status.code == kExitBootFailed || status.code == kExitAppNotFound;
  return status.kind == ExitStatus::Kind::exited && boot ? status.code : 0;
}

std::string describe(const ExitStatus& status) {
  if (status.kind == ExitStatus::Kind::exited) return "exited with code " + std::to_string(status.code);
  return "killed by " + signal_name(status.code) + (status.core_dumped ? " (core dumped)" : "") +
         (status.out_of_memory ? " (out of memory, says the kernel)" : "");
}

std::string describe(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.2g s" : "%.0f s", seconds);
  return text;
}

std::string describe_bytes(std::uint64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  char text[32];
  std::snprintf(text, sizeof text, mebibytes < 10 ? "%.2g MiB" : "%.0f MiB", mebibytes);
  return text;
}

std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace gserve::core
