// SPDX-License-Identifier: MIT
#include "supervisor/io/systemd_notifier.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace gserve::io {
namespace {

/// A status is one line of the message: a newline would start another assignment.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void send(const std::string& message) {
  sd_notify(/*unset_environment=*/0, message.c_str());
}

}  // namespace

void SystemdNotifier::ready(const std::string& status) {
  send("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=" + one_line(status));
  hears_();
}

void SystemdNotifier::reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void SystemdNotifier::stopping() {
  send("STOPPING=1");
}

void SystemdNotifier::status(const std::string& text) {
  send("STATUS=" + one_line(text));
}

void SystemdNotifier::extend_timeout(core::Duration extra) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(extra).count();
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(microseconds));
}

void SystemdNotifier::watchdog() {
  send("WATCHDOG=1");
}

core::Duration SystemdNotifier::watchdog_limit() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) <= 0) return {};
  // Far beyond any use, and far from where the sum with the time would overflow.
  constexpr std::uint64_t kLongest = std::chrono::microseconds(std::chrono::hours(24 * 365)).count();
  return std::chrono::microseconds(std::min(microseconds, kLongest));
}

}  // namespace gserve::io
