// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "worker/net/clock.h"

namespace gserve::net {

struct Connection;

/// The timeouts a connection can run into. All timers of one kind last equally long.
enum class TimerKind : std::size_t { header, body, keep_alive, grace, write, linger, count };

/// A timer of one connection, armed or not. Intrusive: arming never allocates.
struct Timer {
  explicit Timer(Connection& owner_connection) : owner(owner_connection) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Connection& owner;
  Timer* previous = nullptr;
  Timer* next = nullptr;
  Nanos deadline = 0;
  TimerKind kind = TimerKind::count;  // count: not armed
  bool armed() const { return kind != TimerKind::count; }
};

/// All timers, in one list for each kind: equal durations make each list sorted by itself, so that arming,
/// disarming and finding the next deadline take constant time.
class Timers {
 public:
  void set_duration(TimerKind kind, Nanos duration) { list(kind).duration = duration; }
  Nanos duration(TimerKind kind) { return list(kind).duration; }

  /// Arms, or arms anew. `now` never goes back from call to call.
  void arm(Timer& timer, TimerKind kind, Nanos now);
  void disarm(Timer& timer);
  std::optional<Nanos> next_deadline() const;
  /// Disarms and returns a timer whose deadline has come, or nullptr.
  Timer* expired(Nanos now);

 private:
  struct List {
    Timer* first = nullptr;
    Timer* last = nullptr;
    Nanos duration = 0;
  };
  List& list(TimerKind kind) { return lists_[static_cast<std::size_t>(kind)]; }

  std::array<List, static_cast<std::size_t>(TimerKind::count)> lists_;
};

}  // namespace gserve::net
