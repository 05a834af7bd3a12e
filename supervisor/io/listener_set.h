// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/config/address.h"
#include "supervisor/core/types.h"
#include "supervisor/io/descriptor_store.h"
#include "supervisor/io/listener.h"

namespace gserve::io {

struct ListenerOptions {
  std::vector<config::Address> addresses;
  int backlog = 2048;
  bool reuse_port = false;
  SocketAccess unix_access;
  /// Descriptors of socket activation; when there are any, they replace `addresses` but for fd://N.
  std::vector<int> activated;
  /// Sockets that an earlier process of this service stored; owned. Those that listen at one of `addresses`
  /// are taken over, the others closed and given to `discard`.
  std::vector<StoredDescriptor> stored;
  std::function<void(const StoredDescriptor&)> discard;
  /// Waits before the next try at an address in use. False: stop trying (a signal came).
  std::function<bool(std::chrono::milliseconds)> wait;
  std::function<void(core::LogLevel, const std::string&)> log;
};

struct OpenFailure {
  std::string reason;        // one line
  bool interrupted = false;  // `wait` said to stop trying
};

/// All listening sockets of the service, in the order of the configuration. Owns them: see Listener. Movable.
class ListenerSet {
 public:
  /// Opens every address or none. An address in use is tried 5 times, 1 s apart, as gunicorn does; any other
  /// error ends it at once.
  static std::variant<ListenerSet, OpenFailure> open(const ListenerOptions& options);

  /// What another program in this process had.
  explicit ListenerSet(const std::vector<ListenerState>& states) {
    for (const ListenerState& state : states) listeners_.emplace_back(state);
  }
  std::vector<ListenerState> states() const;

  /// For workers; borrowed.
  std::vector<int> fds() const;
  /// "http://127.0.0.1:8000", for the log and for status.
  /// `secure`: TLS is spoken there.
  std::vector<std::string> describe(bool secure = false) const;
  const std::vector<Listener>& all() const { return listeners_; }
  /// See Listener::waiting; the sum.
  std::optional<std::uint64_t> waiting() const;
  /// Offers each socket that is not shared yet to `keep`; those that it keeps are shared from then on.
  void share(const std::function<bool(const Listener&)>& keep);
  /// See Listener::stop_listening. Never fails.
  void stop_listening();

 private:
  ListenerSet() = default;

  std::vector<Listener> listeners_;
};

}  // namespace gserve::io
