// SPDX-License-Identifier: MIT
#include "supervisor/io/listener_set.h"

#include <unistd.h>
#include <algorithm>

#include <optional>
#include <set>

namespace gserve::io {
namespace {

constexpr int kTries = 5;
constexpr std::chrono::milliseconds kBetweenTries{1000};

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
    const auto same = [fd](const config::Address& address) {
      const auto* inherited = std::get_if<config::InheritedAddress>(&address);
      return inherited != nullptr && inherited->fd == fd;
    };
    if (std::none_of(addresses.begin(), addresses.end(), same)) {
      addresses.emplace_back(config::InheritedAddress{fd});
    }
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
  const ListenerOptions& options;

  std::variant<Listener, ListenError> operator()(const config::TcpAddress& address) const {
    return Listener::open(address, options.backlog, needs_v6_only(address, all), options.reuse_port);
  }
  std::variant<Listener, ListenError> operator()(const config::UnixAddress& address) const {
    return Listener::open(address, options.backlog, options.unix_access);
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

struct ListensAt {
  int fd;
  const std::vector<config::Address>& all;

  bool operator()(const config::TcpAddress& address) const {
    return listens_at(fd, address, needs_v6_only(address, all));
  }
  bool operator()(const config::UnixAddress& address) const { return listens_at(fd, address); }
  bool operator()(const config::InheritedAddress&) const { return false; }
};

bool any_port(const config::Address& address) {
  const auto* tcp = std::get_if<config::TcpAddress>(&address);
  return tcp != nullptr && tcp->port == 0;
}

std::variant<Listener, OpenFailure> take_over(int fd, const ListenerOptions& options) {
  auto taken = Listener::take_over(fd, options.backlog);
  if (auto* listener = std::get_if<Listener>(&taken)) return std::move(*listener);
  return OpenFailure{std::get<ListenError>(taken).reason};
}

/// Which stored socket serves which address. Addresses that leave the port open come last, so that they do
/// not take what another one names.
class StoredSockets {
 public:
  StoredSockets(const std::vector<config::Address>& addresses, const std::vector<StoredDescriptor>& stored)
      : claims_(addresses.size(), -1) {
    for (const StoredDescriptor& each : stored) {
      if (!claim(addresses, each.fd, false)) claim(addresses, each.fd, true);
    }
  }
  /// -1: none.
  int claimed_by(std::size_t address) const { return claims_[address]; }
  bool is_claimed(int fd) const { return std::find(claims_.begin(), claims_.end(), fd) != claims_.end(); }

 private:
  bool claim(const std::vector<config::Address>& addresses, int fd, bool open_port) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (claims_[i] >= 0 || any_port(addresses[i]) != open_port) continue;
      if (!std::visit(ListensAt{fd, addresses}, addresses[i])) continue;
      claims_[i] = fd;
      return true;
    }
    return false;
  }

  std::vector<int> claims_;
};

}  // namespace

std::variant<ListenerSet, OpenFailure> ListenerSet::open(const ListenerOptions& options) {
  const std::vector<config::Address> addresses = wanted(options);
  if (const auto fd = repeated_descriptor(addresses)) {
    return OpenFailure{"cannot listen on fd://" + std::to_string(*fd) + ": it is given twice"};
  }
  const OpenOne open_one{addresses, options};
  const StoredSockets stored(addresses, options.stored);
  for (const StoredDescriptor& each : options.stored) {
    if (stored.is_claimed(each.fd)) continue;
    ::close(each.fd);  // the address may be wanted by another listener
    options.discard(each);
  }
  ListenerSet set;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const int kept = stored.claimed_by(i);
    auto opened = kept >= 0 ? take_over(kept, options) : open_patiently(addresses[i], open_one, options);
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

std::optional<std::uint64_t> ListenerSet::waiting() const {
  std::optional<std::uint64_t> sum;
  for (const Listener& listener : listeners_) {
    if (const auto waiting = listener.waiting()) sum = sum.value_or(0) + *waiting;
  }
  return sum;
}

std::vector<std::string> ListenerSet::describe(bool secure) const {
  constexpr std::string_view kPlain = "http:";
  std::vector<std::string> texts;
  for (const Listener& listener : listeners_) {
    std::string& text = texts.emplace_back(listener.describe());
    if (secure && text.starts_with(kPlain)) text.replace(0, kPlain.size(), "https:");
  }
  return texts;
}

void ListenerSet::share(const std::function<bool(const Listener&)>& keep) {
  for (Listener& listener : listeners_) {
    if (!listener.shared() && keep(listener)) listener.share();
  }
}

void ListenerSet::stop_listening() {
  for (Listener& listener : listeners_) listener.stop_listening();
}

}  // namespace gserve::io
