// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "common/scoreboard.h"
#include "worker/net/clock.h"

namespace gserve::net {

/// Shows the running requests on the scoreboard: the oldest of them, as many as it has slots. The others are
/// counted, and queue in the order of their start until a slot is free.
///
/// Any executor thread, each with entries of its own. While there are slots for all, nothing is locked.
class RequestBoard {
 public:
  /// One running request. Stays in place from begin() to end().
  struct Entry {
    std::string_view line;
    Nanos started = 0;
    Nanos paused = 0;     // since when; 0: it is not
    bool queued = false;  // it did not get a slot at once
    int slot = -1;        // -1: none (yet); guarded by the mutex if `queued`
    Entry* older = nullptr;
    Entry* younger = nullptr;
  };

  explicit RequestBoard(scoreboard::Layout* layout) : writer_(layout) {}

  /// `entry.line` and `entry.started` are set.
  void begin(Entry& entry);
  /// It waits for its client: that time is not its own, and until it goes on it is not shown.
  void pause(Entry& entry, Nanos now);
  void go_on(Entry& entry, Nanos now);
  /// It was answered with `status`. What it waited for its client is not counted.
  void end(Entry& entry, int status, Nanos now);

 private:
  void show(Entry& entry);
  void hide(Entry& entry);
  int claim_slot();
  void free_slot(int slot);
  void insert(Entry& entry);
  void unlink(Entry& entry);
  void promote();

  scoreboard::Writer writer_;
  std::atomic<std::uint64_t> slots_taken_{0};  // bits
  std::atomic<int> queued_{0};                 // entries in the queue
  std::mutex mutex_;
  Entry* oldest_ = nullptr;  // of those without a slot
  Entry* youngest_ = nullptr;
};

}  // namespace gserve::net
