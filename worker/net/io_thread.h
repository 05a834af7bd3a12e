// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "worker/net/acceptor.h"
#include "worker/net/access_log.h"
#include "worker/net/context.h"
#include "worker/net/driver.h"
#include "worker/net/handover.h"
#include "worker/net/log.h"
#include "worker/net/poller.h"
#include "worker/net/timers.h"

namespace gserve::net {

/// The worker's one I/O thread: a loop over one epoll instance. It has no periodic tick; it sleeps until the
/// next event, letter or deadline.
///
/// While requests wait behind busy executors, nothing that arrives can be served sooner: then the thread
/// gathers, half a millisecond at most, and handles what has come, and what executors have left to be sent,
/// in one turn. On a core that it shares with an executor it would otherwise push that one aside for each
/// packet. It does so only while executors get on: a long request must not cost wake-ups.
///
/// A worker that rests has left the listeners: what it was woken for is accepted first, the rest is for its
/// siblings, which watch the same ones. Its connections end as in a drain, and then it sleeps until it is
/// told something. Its drain accepts nothing any more.
///
/// A drain goes: accept what the kernel's queue still holds, until it was quiet for 20 ms (at most 250 ms);
/// leave the listeners; answer everything, with `Connection: close`; give idle connections a short grace;
/// when the last connection is closed and nothing waits in the hand-over queue (after half of
/// graceful_timeout it may wait), end the executor queue. The thread itself runs on until join(), so
/// that it can still end the process when the supervisor is gone and Python does not come to its end.
class IoThread {
 public:
  /// Makes the epoll instance and registers the listeners. Throws std::system_error.
  explicit IoThread(Context& context);
  /// The thread's body: returns after join() was called and what is owed was sent.
  void run();
  int epoll_fd() const { return poller_.fd(); }
  /// In a forked child.
  void let_go() { log_.let_go(); }

 private:
  void turn();
  void gather();
  void dispatch(const Poller::Event& event);
  void accept(std::size_t listener);
  void read_signals();
  void read_lifeline();
  void rest();
  void serve();
  void promote(TrackedFd control);
  void lose_supervisor();

  Nanos sleep_time() const;
  Nanos longest_unseen() const;
  Nanos next_deadline() const;
  void update_stop();
  void update_recycling();
  bool send_recycle_notice();
  void update_end();
  void start_draining();
  void start_stopping();
  void update_listeners();
  bool may_watch() const;
  bool may_take() const;
  bool can_open() const;
  bool watch_less(bool listeners);
  bool leaves_nothing() const;
  Nanos leave_time() const;
  bool saturated();
  bool finished();
  void check_hard_end();
  void check_abort();

  Context& context_;
  Log log_;
  AccessLog access_log_;
  Poller poller_;
  Timers timers_;
  Acceptor acceptor_;
  Driver driver_;
  Handover handover_;
  Nanos now_;

  StopState seen_ = StopState::running;
  bool ended_ = false;          // the executor queue
  bool accept_window_ = false;  // draining, and still accepting
  Nanos drain_start_ = 0;
  Nanos last_accept_ = 0;
  std::optional<Nanos> hard_end_;  // the supervisor is gone: the process ends then
  std::optional<Nanos> abort_at_;  // SIGABRT came, and is Python's to handle until then
  std::optional<Nanos> quit_end_;  // join() was called: the thread ends then

  bool recycling_ = false;             // max_requests was reached, and nothing is left to do about it
  std::optional<Nanos> notice_retry_;  // the notice of it could not be sent yet

  std::uint64_t gathered_ = 0;       // answers when it last gathered
  std::optional<Nanos> busy_since_;  // no executor has been free since
  std::uint32_t seen_times_free_ = 0;
};

}  // namespace gserve::net
