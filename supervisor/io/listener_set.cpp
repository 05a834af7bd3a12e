// SPDX-License-Identifier: MIT
#include "supervisor/io/listener_set.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "common/launch_contract.h"

namespace gserve::io {
namespace {

constexpr int kTries = 5;
constexpr std::chrono::milliseconds kBetweenTries{1000};
constexpr int kMaxActivated = 1024;

/// "[::]" takes IPv4 too, unless the same port is also asked for on every IPv4 address: then both must fit.
bool needs_v6_only(const config::TcpAddress& address, const std::vector<config::Address>& all) {
  if (address.host != "::") return false;
  return std::any_of(all.begin(), all.end(), [&](const config::Address& other) {
    const auto* tcp = std::get_if<config::TcpAddress>(&other);
    return tcp != nullptr && tcp->port == address.port && (tcp->host.empty() || tcp->host == "0.0.0.0");
  });
}

std::vector<config::Address> wanted(const ListenerOptions& options) {
  if (options.activated.empty()) return options.addresses;
  std::vector<config::Address> addresses;
  for (const config::Address& address : options.addresses) {
    if (std::holds_alternative<config::InheritedAddress>(address)) addresses.push_back(address);
  }
  for (const int fd : options.activated) {
    const config::Address address = config::InheritedAddress{fd};
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  return addresses;
}

/// One owner for each descriptor.
std::optional<int> repeated_descriptor(const std::vector<config::Address>& addresses) {
  std::set<int> seen;
  for (const config::Address& address : addresses) {
    const auto* inherited = std::get_if<config::InheritedAddress>(&address);
    if (inherited != nullptr && !seen.insert(inherited->fd).second) return inherited->fd;
  }
  return std::nullopt;
}

struct OpenOne {
  const std::vector<config::Address>& all;
  int backlog;

  std::variant<Listener, ListenError> operator()(const config::TcpAddress& address) const {
    return Listener::open(address, backlog, needs_v6_only(address, all));
  }
  std::variant<Listener, ListenError> operator()(const config::UnixAddress& address) const {
    return Listener::open(address, backlog);
  }
  std::variant<Listener, ListenError> operator()(const config::InheritedAddress& address) const {
    return Listener::adopt(address.fd);
  }
};

std::variant<Listener, OpenFailure> open_patiently(const config::Address& address, const OpenOne& open_one,
                                                   const ListenerOptions& options) {
  for (int tries = 1;; ++tries) {
    auto opened = std::visit(open_one, address);
    if (auto* listener = std::get_if<Listener>(&opened)) return std::move(*listener);
    const auto& error = std::get<ListenError>(opened);
    if (!error.in_use) return OpenFailure{error.reason};
    options.log(core::LogLevel::error, "Connection in use: " + log_text(address));
    if (tries == kTries) {
      return OpenFailure{"Can't connect to " + log_text(address) +
                         ": the address is in use; stop what listens there or choose another --bind"};
    }
    options.log(core::LogLevel::error, "Retrying in 1 second.");
    if (!options.wait(kBetweenTries))
      return OpenFailure{"stopped while waiting for " + log_text(address), true};
  }
}

std::optional<int> parse_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::variant<ListenerSet, OpenFailure> ListenerSet::open(const ListenerOptions& options) {
  const std::vector<config::Address> addresses = wanted(options);
  if (const auto fd = repeated_descriptor(addresses)) {
    return OpenFailure{"cannot listen on fd://" + std::to_string(*fd) + ": it is given twice"};
  }
  const OpenOne open_one{addresses, options.backlog};
  ListenerSet set;
  for (const config::Address& address : addresses) {
    auto opened = open_patiently(address, open_one, options);
    if (auto* failure = std::get_if<OpenFailure>(&opened)) return std::move(*failure);
    set.listeners_.push_back(std::get<Listener>(std::move(opened)));
  }
  return set;
}

std::vector<ListenerState> ListenerSet::states() const {
  std::vector<ListenerState> states;
  for (const Listener& listener : listeners_) states.push_back(listener.state());
  return states;
}

std::vector<int> ListenerSet::fds() const {
  std::vector<int> fds;
  for (const Listener& listener : listeners_) fds.push_back(listener.fd());
  return fds;
}

std::vector<std::string> ListenerSet::describe() const {
  std::vector<std::string> texts;
  for (const Listener& listener : listeners_) texts.push_back(listener.describe());
  return texts;
}

void ListenerSet::stop_listening() {
  for (Listener& listener : listeners_) listener.stop_listening();
}

std::variant<std::vector<int>, std::string> activated_descriptors(const config::Environment& environment,
                                                                  core::Pid pid) {
  const auto for_pid = environment("LISTEN_PID");
  const auto count_text = environment("LISTEN_FDS");
  if (!for_pid || !count_text || for_pid->empty() || parse_number(*for_pid) != pid) return std::vector<int>{};
  const auto count = parse_number(*count_text);
  if (!count || *count > kMaxActivated) {
    return "LISTEN_FDS: invalid value '" + *count_text + "': must be a number from 0 to " +
           std::to_string(kMaxActivated);
  }
  std::vector<int> fds(static_cast<std::size_t>(*count));
  for (int i = 0; i < *count; ++i) fds[static_cast<std::size_t>(i)] = contract::kFirstFd + i;
  return fds;
}

}  // namespace gserve::io
