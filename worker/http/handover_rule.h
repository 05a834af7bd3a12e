// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

/// When requests go to the hand-over queue of the pool (common/launch_contract.h), so that none waits behind
/// a busy worker while a sibling idles. Pure: what is seen goes in, with the time, and orders come out.
namespace gserve::http {

/// What decides whether a connection with a complete request can be given to another process.
struct MoveFacts {
  bool encrypted = false;      // its keys are in this process
  bool output_unsent = false;  // "100 Continue", say: it would be lost, or come twice
  bool body_arriving = false;  // the rest would have to be decoded elsewhere, in the middle
  bool body_spooled = false;
  std::size_t bytes = 0;  // of head, body and what follows
};

bool may_move(const MoveFacts& facts);

/// Looks at the requests that wait for an executor of this worker.
///
/// One that has waited for kPatience while no executor took any is stuck: all such go at once, whatever the
/// queue holds. Behind executors that do take one request after the other, a request is better off elsewhere
/// only if a sibling idles. Nobody tells; but a sibling that idles empties the queue at once. So then only
/// as many go as find the queue empty: one in each kPatience, twice as many each time that others had taken
/// them all. Those that an executor takes next stay.
///
/// An event loop takes what waits between two of its rounds, which may be long when many requests are under way: it is
/// stuck only after kLoopPatience, and none of those that wait is known to be next. While it gets on and takes from the
/// hand-over queue itself, others are hardly better off: then one goes in each kLoopCalm.
///
/// Times are nanoseconds of a monotonic clock. I/O thread only.
class HandoverRule {
 public:
  using Time = std::int64_t;
  static constexpr Time kPatience = 1'000'000;
  static constexpr Time kLoopPatience = 10 * kPatience;
  static constexpr Time kLoopCalm = 20 * kPatience;
  static constexpr Time kFullPause = 10 * kPatience;  // no sibling idles while the queue is full
  static constexpr Time kFailedPause = 1'000 * kPatience;
  static constexpr std::size_t kMostAtOnce = 32;

  /// The executors' queue as it is now.
  struct Waiting {
    std::size_t count = 0;
    Time oldest = 0;                    // since when the oldest waits, if count > 0
    std::optional<Time> first_movable;  // since when the oldest of those waits that can be moved
    std::uint64_t progress = 0;         // has changed if executors have got on
  };

  struct Order {
    std::size_t most = 0;        // of those that wait since `waiting_since` or longer
    std::size_t skip = 0;        // that many at the front stay
    bool only_if_empty = false;  // look at the hand-over queue first
    Time waiting_since = 0;
  };

  enum class Outcome {
    done,      // all that the order meant are on their way
    nothing,   // it meant none
    occupied,  // the hand-over queue was not empty
    full,
    failed,
  };

  explicit HandoverRule(std::size_t executors) : HandoverRule(executors, kPatience, kPatience) {}
  static HandoverRule for_event_loop() { return {0, kLoopPatience, kLoopCalm}; }

  /// To be called whenever the waiting ones may have changed, with a `now` that never goes back.
  void look(const Waiting& waiting, Time now);
  /// A request waits longer than it should: nothing new may be accepted.
  bool overdue(Time now) const { return waiting_.count > 0 && now - waiting_.oldest >= kPatience; }
  /// What is to be moved now; nothing if `most` is 0. After it, carried_out().
  Order order(Time now) const;
  void carried_out(const Order& order, Outcome outcome, Time now);
  /// A connection was taken from the hand-over queue by this worker.
  void took_one() { took_ = true; }
  /// When order() may have something next.
  std::optional<Time> deadline() const;

 private:
  HandoverRule(std::size_t executors, Time stuck_after, Time calm)
      : executors_(executors), stuck_after_(stuck_after), calm_(calm) {}
  bool stuck(Time now) const { return now - progress_ >= stuck_after_; }
  bool taken_soon() const { return waiting_.count <= executors_; }

  const std::size_t executors_;
  const Time stuck_after_;
  const Time calm_;  // between bursts while this worker takes from the queue itself
  Waiting waiting_;
  Time progress_ = 0;  // when executors were last seen to have got on
  Time pause_ = 0;     // nothing is ordered before
  Time next_burst_ = 0;
  std::size_t burst_ = 1;
  bool took_ = false;  // something from the queue since the last burst
};

}  // namespace gserve::http
