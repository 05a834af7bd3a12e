// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "worker/http/handover_rule.h"
#include "worker/http/loop_watch.h"
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
  /// The event loop was told of what this turn had for it: right after send_waiting().
  void told_loop(Nanos now) { loop_.told(now); }
  /// Looks again at what waits.
  void look(Nanos now);
  /// A request waits too long, or the event loop does not come: the worker must neither accept nor take.
  bool overdue(Nanos now) const { return rule_.overdue(now) || loop_.late(now); }
  std::optional<Nanos> deadline(Nanos now) const;

 private:
  bool take(Nanos now);
  http::HandoverRule::Outcome carry_out(const http::HandoverRule::Order& order);
  void tell_failed();

  Context& context_;
  Poller& poller_;
  Driver& driver_;
  Log& log_;
  http::HandoverRule rule_;
  http::LoopWatch loop_;
  bool watching_ = false;
  bool was_readable_ = false;
  bool failed_ = false;
};

}  // namespace gserve::net
