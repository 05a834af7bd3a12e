// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "worker/http/handover_rule.h"
#include "worker/net/context.h"
#include "worker/net/driver.h"
#include "worker/net/log.h"
#include "worker/net/poller.h"

namespace gserve::net {

/// The I/O thread's dealings with the hand-over queue. http::HandoverRule decides what goes there; what comes
/// from there is taken when epoll says so, which it does to one of the workers that watch (an event received
/// is an accept owed), or when an executor asks. I/O thread only.
class Handover {
 public:
  Handover(Context& context, Poller& poller, Driver& driver, Log& log);

  bool watching() const { return watching_; }
  void watch(std::uint64_t token);
  void unwatch();
  /// The queue was readable: takes one, now, whatever this worker is doing.
  void readable(Nanos now);
  /// Whether readable() was called since the last call of this.
  bool was_readable();
  /// Gives executors that ask what they ask for, or lets them go on. `may_take`: this worker can serve.
  void serve_asking(bool may_take, Nanos now);

  /// Sends away what waits too long. At the end of each turn.
  void send_waiting(Nanos now);
  /// A request waits too long: the worker must not accept.
  bool overdue(Nanos now) const { return rule_.overdue(now); }
  std::optional<Nanos> deadline() const { return rule_.deadline(); }

 private:
  bool take(Nanos now);
  http::HandoverRule::Outcome carry_out(const http::HandoverRule::Order& order);
  void tell_failed();

  Context& context_;
  Poller& poller_;
  Driver& driver_;
  Log& log_;
  http::HandoverRule rule_;
  bool watching_ = false;
  bool was_readable_ = false;
  bool failed_ = false;
};

}  // namespace gserve::net
