// SPDX-License-Identifier: MIT
#include "supervisor/io/descriptor_store.h"

#include <systemd/sd-daemon.h>

#include <charconv>
#include <optional>
#include <sstream>

#include "common/launch_contract.h"

namespace gserve::io {
namespace {

constexpr int kMaxPassed = 1024;
constexpr std::string_view kPrefix = "gserve-listener-";
constexpr std::size_t kMaxName = 255;

std::optional<int> parse_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::variant<PassedDescriptors, std::string> passed_descriptors(const config::Environment& environment,
                                                                core::Pid pid) {
  PassedDescriptors passed;
  const auto for_pid = environment("LISTEN_PID");
  const auto count_text = environment("LISTEN_FDS");
  if (!for_pid || !count_text || for_pid->empty() || parse_number(*for_pid) != pid) return passed;
  const auto count = parse_number(*count_text);
  if (!count || *count > kMaxPassed) {
    return "LISTEN_FDS: invalid value '" + *count_text + "': must be a number from 0 to " +
           std::to_string(kMaxPassed);
  }
  std::istringstream names(environment("LISTEN_FDNAMES").value_or(""));
  for (int fd = contract::kFirstFd; fd < contract::kFirstFd + *count; ++fd) {
    std::string name;
    std::getline(names, name, ':');
    if (name.starts_with(kPrefix)) {
      passed.stored.push_back({fd, std::move(name)});
    } else {
      passed.activated.push_back(fd);
    }
  }
  return passed;
}

int store_capacity(const config::Environment& environment) {
  if (environment("NOTIFY_SOCKET").value_or("").empty()) return 0;
  return parse_number(environment("FDSTORE").value_or("")).value_or(0);
}

std::string store_name(std::string_view address) {
  std::string name(kPrefix);
  for (const char c : address) name += c > ' ' && c <= '~' && c != ':' ? c : '_';
  return name.substr(0, kMaxName);
}

bool store_descriptor(int fd, const std::string& name) {
  const std::string message = "FDSTORE=1\nFDNAME=" + name;
  return sd_pid_notify_with_fds(0, /*unset_environment=*/0, message.c_str(), &fd, 1) > 0;
}

void unstore_descriptor(const std::string& name) {
  sd_notify(/*unset_environment=*/0, ("FDSTOREREMOVE=1\nFDNAME=" + name).c_str());
}

}  // namespace gserve::io
