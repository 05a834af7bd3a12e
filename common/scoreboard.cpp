// SPDX-License-Identifier: MIT
#include "common/scoreboard.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace gserve::scoreboard {
namespace {

constexpr int kReadRetries = 64;

std::string printable(const char* text, std::size_t length) {
  std::string out;
  out.reserve(length);
  for (std::size_t i = 0; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7f) {
      out.push_back(text[i]);
    } else {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    }
  }
  return out;
}

std::size_t words_of(std::size_t length) {
  return (length + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
}

void store_line(Slot& slot, std::string_view line) {
  std::uint64_t words[kLineWords] = {};
  const std::size_t length = std::min(line.size(), kLineSize);
  std::memcpy(words, line.data(), length);
  slot.line_length.store(static_cast<std::uint32_t>(length), std::memory_order_release);
  for (std::size_t i = 0; i < words_of(length); ++i) slot.line[i].store(words[i], std::memory_order_release);
}

/// One attempt's view of a slot; of use only if the sequence did not change meanwhile.
struct SlotCopy {
  std::uint64_t started_ns;
  std::size_t length;
  std::uint64_t words[kLineWords];
};

void load_slot(const Slot& slot, SlotCopy& copy) {
  copy.started_ns = slot.started_ns.load(std::memory_order_acquire);
  copy.length = std::min<std::size_t>(slot.line_length.load(std::memory_order_acquire), kLineSize);
  for (std::size_t i = 0; i < words_of(copy.length); ++i)
    copy.words[i] = slot.line[i].load(std::memory_order_acquire);
}

std::optional<RunningRequest> read_slot(const Slot& slot) {
  SlotCopy copy;
  for (int attempt = 0; attempt < kReadRetries; ++attempt) {
    const std::uint32_t before = slot.sequence.load(std::memory_order_acquire);
    if (before & 1) continue;
    load_slot(slot, copy);
    if (slot.sequence.load(std::memory_order_relaxed) != before) continue;
    if (copy.started_ns == 0) return std::nullopt;
    return RunningRequest{printable(reinterpret_cast<const char*>(copy.words), copy.length), copy.started_ns};
  }
  return std::nullopt;
}

/// Makes the slot's sequence odd for its lifetime. Data goes in with release stores, so it cannot be seen
/// before that.
class SlotWrite {
 public:
  explicit SlotWrite(Slot& slot) : slot_(slot), next_(slot.sequence.load(std::memory_order_relaxed) + 1) {
    slot_.sequence.store(next_, std::memory_order_relaxed);
  }
  ~SlotWrite() { slot_.sequence.store(next_ + 1, std::memory_order_release); }
  SlotWrite(const SlotWrite&) = delete;
  SlotWrite& operator=(const SlotWrite&) = delete;

 private:
  Slot& slot_;
  std::uint32_t next_;
};

}  // namespace

Writer::Writer(Layout* layout) : layout_(layout) {
  layout_->header.magic = kMagic;
  layout_->header.version = kVersion;
}

void Writer::set_state(WorkerState state) {
  layout_->header.state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

void Writer::count_request() {
  layout_->header.in_flight.fetch_add(1, std::memory_order_relaxed);
}

void Writer::show(std::uint32_t index, std::string_view line, std::uint64_t started_ns) {
  Slot& slot = layout_->slots[index % kSlots];
  const SlotWrite write(slot);
  slot.started_ns.store(started_ns, std::memory_order_release);
  store_line(slot, line);
}

void Writer::hide(std::uint32_t index) {
  Slot& slot = layout_->slots[index % kSlots];
  const SlotWrite write(slot);
  slot.started_ns.store(0, std::memory_order_release);
}

void Writer::begin_request(std::uint32_t index, std::string_view line, std::uint64_t now_ns) {
  count_request();
  show(index, line, now_ns);
}

void Writer::end_request(std::uint32_t index, int status) {
  hide(index);
  count_answer(status);
}

void Writer::count_answer(int status) {
  layout_->header.in_flight.fetch_sub(1, std::memory_order_relaxed);
  layout_->header.requests.fetch_add(1, std::memory_order_relaxed);
  if (status >= 500) layout_->header.errors.fetch_add(1, std::memory_order_relaxed);
}

void Writer::count_duration(std::uint64_t nanoseconds) {
  const auto* const bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), nanoseconds);
  Durations& durations = layout_->durations;
  durations.buckets[bound - kDurationBounds.begin()].fetch_add(1, std::memory_order_relaxed);
  durations.sum_ns.fetch_add(nanoseconds, std::memory_order_relaxed);
}

void Writer::count_connection() {
  layout_->header.connections.fetch_add(1, std::memory_order_relaxed);
}

std::optional<Sample> read(const Layout& layout) {
  const Header& header = layout.header;
  if (header.magic != kMagic || header.version != kVersion) return std::nullopt;
  Sample sample;
  const std::uint32_t state = header.state.load(std::memory_order_relaxed);
  sample.state = static_cast<WorkerState>(std::min(state, static_cast<std::uint32_t>(WorkerState::draining)));
  sample.in_flight = header.in_flight.load(std::memory_order_relaxed);
  sample.requests = header.requests.load(std::memory_order_relaxed);
  sample.errors = header.errors.load(std::memory_order_relaxed);
  sample.connections = header.connections.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kDurationBuckets; ++i)
    sample.durations[i] = layout.durations.buckets[i].load(std::memory_order_relaxed);
  sample.duration_sum_ns = layout.durations.sum_ns.load(std::memory_order_relaxed);
  for (const Slot& slot : layout.slots) {
    if (auto request = read_slot(slot)) sample.running.push_back(std::move(*request));
  }
  std::sort(sample.running.begin(), sample.running.end(),
            [](const RunningRequest& a, const RunningRequest& b) { return a.started_ns < b.started_ns; });
  return sample;
}

}  // namespace gserve::scoreboard
