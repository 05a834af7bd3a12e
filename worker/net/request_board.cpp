// SPDX-License-Identifier: MIT
#include "worker/net/request_board.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace gserve::net {

void RequestBoard::begin(Entry& entry) {
  entry.paused = 0;
  writer_.count_request();
  show(entry);
}

void RequestBoard::pause(Entry& entry, Nanos now) {
  if (entry.paused != 0) return;
  entry.paused = now;
  hide(entry);
}

void RequestBoard::go_on(Entry& entry, Nanos now) {
  if (entry.paused == 0) return;
  entry.started += now - std::exchange(entry.paused, 0);
  show(entry);
}

void RequestBoard::end(Entry& entry, int status, Nanos now) {
  if (entry.paused == 0) hide(entry);
  const Nanos took = (entry.paused != 0 ? entry.paused : now) - entry.started;
  writer_.count_duration(static_cast<std::uint64_t>(std::max<Nanos>(took, 0)));
  writer_.count_answer(status);
}

void RequestBoard::show(Entry& entry) {
  entry.queued = false;
  entry.slot = queued_.load(std::memory_order_seq_cst) == 0 ? claim_slot() : -1;
  if (entry.slot >= 0)
    return writer_.show(static_cast<std::uint32_t>(entry.slot), entry.line,
                        static_cast<std::uint64_t>(entry.started));
  entry.queued = true;
  const std::lock_guard lock(mutex_);
  insert(entry);
  promote();
}

void RequestBoard::hide(Entry& entry) {
  if (!entry.queued) {
    free_slot(entry.slot);
    // Whoever queues counts itself first and looks for a slot then: one of the two sees the other.
    if (queued_.load(std::memory_order_seq_cst) == 0) return;
    const std::lock_guard lock(mutex_);
    return promote();
  }
  const std::lock_guard lock(mutex_);
  if (entry.slot < 0) return unlink(entry);
  free_slot(entry.slot);
  promote();
}

int RequestBoard::claim_slot() {
  static_assert(scoreboard::kSlots == 64);
  std::uint64_t taken = slots_taken_.load(std::memory_order_seq_cst);
  for (;;) {
    const int slot = std::countr_one(taken);
    if (slot >= static_cast<int>(scoreboard::kSlots)) return -1;
    if (slots_taken_.compare_exchange_weak(taken, taken | std::uint64_t{1} << slot,
                                           std::memory_order_seq_cst))
      return slot;
  }
}

void RequestBoard::free_slot(int slot) {
  writer_.hide(static_cast<std::uint32_t>(slot));
  slots_taken_.fetch_and(~(std::uint64_t{1} << slot), std::memory_order_seq_cst);
}

/// By age: almost always the youngest.
void RequestBoard::insert(Entry& entry) {
  Entry* older = youngest_;
  while (older != nullptr && older->started > entry.started) older = older->older;
  entry.older = older;
  entry.younger = older == nullptr ? oldest_ : older->younger;
  (entry.older == nullptr ? oldest_ : entry.older->younger) = &entry;
  (entry.younger == nullptr ? youngest_ : entry.younger->older) = &entry;
  queued_.fetch_add(1, std::memory_order_seq_cst);
}

void RequestBoard::unlink(Entry& entry) {
  (entry.older == nullptr ? oldest_ : entry.older->younger) = entry.younger;
  (entry.younger == nullptr ? youngest_ : entry.younger->older) = entry.older;
  queued_.fetch_sub(1, std::memory_order_seq_cst);
}

/// Gives free slots to those that have waited longest.
void RequestBoard::promote() {
  while (oldest_ != nullptr) {
    const int slot = claim_slot();
    if (slot < 0) return;
    Entry& entry = *oldest_;
    unlink(entry);
    entry.slot = slot;
    writer_.show(static_cast<std::uint32_t>(slot), entry.line, static_cast<std::uint64_t>(entry.started));
  }
}

}  // namespace gserve::net
