// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A scoreboard is one sealed memfd per launch. The worker writes it without system calls, the supervisor
/// reads it for timeouts, `status` and metrics. Each running request has a slot under a seqlock: the writer
/// makes `sequence` odd, writes, makes it even again. A reader retries a bounded number of times: a writer
/// that was killed leaves the sequence odd for ever. Nothing in it is trusted by the reader: counts and
/// lengths are clamped, text is escaped.
namespace gserve::scoreboard {

inline constexpr std::uint32_t kMagic = 0x67737262;  // "gsrb"
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kSlots = 64;
inline constexpr std::size_t kLineSize = 232;
inline constexpr std::size_t kLineWords = kLineSize / sizeof(std::uint64_t);

/// Upper bounds of the buckets that durations of requests are counted in, in nanoseconds, each included; one more
/// bucket takes what is above the last.
inline constexpr std::array<std::uint64_t, 14> kDurationBounds = {
    1'000'000,   2'500'000,   5'000'000,    10'000'000,   25'000'000,   50'000'000,     100'000'000,
    250'000'000, 500'000'000, 1000'000'000, 2500'000'000, 5000'000'000, 10'000'000'000, 30'000'000'000};
inline constexpr std::size_t kDurationBuckets = kDurationBounds.size() + 1;

enum class WorkerState : std::uint32_t { booting, serving, draining };

/// Written by the worker only. All counters only grow.
struct alignas(64) Header {
  std::uint32_t magic;
  std::uint32_t version;
  std::atomic<std::uint32_t> state;      // WorkerState
  std::atomic<std::uint32_t> in_flight;  // requests handed to the application and not yet answered
  std::atomic<std::uint64_t> requests;   // answered
  std::atomic<std::uint64_t> errors;     // answered with 5xx
  std::atomic<std::uint64_t> connections;
};

struct alignas(64) Slot {
  std::atomic<std::uint32_t> sequence;  // odd while being written
  std::atomic<std::uint32_t> line_length;
  std::atomic<std::uint64_t> started_ns;        // CLOCK_MONOTONIC; 0 when the slot is free
  std::atomic<std::uint64_t> line[kLineWords];  // the bytes of "GET /path HTTP/1.1", cut to fit
};

/// How long answered requests took, in the order of kDurationBounds. All only grow.
struct alignas(64) Durations {
  std::atomic<std::uint64_t> buckets[kDurationBuckets];
  std::atomic<std::uint64_t> sum_ns;
};

/// A worker of an older release leaves `durations` at zero, and its memory file ends before them, but in the same
/// page: reading there is safe.
struct Layout {
  Header header;
  Slot slots[kSlots];
  Durations durations;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(Slot) == 256);
static_assert((offsetof(Layout, durations) - 1) / 4096 == (sizeof(Layout) - 1) / 4096);

inline constexpr std::size_t kSize = sizeof(Layout);

/// The worker's side. Each slot has one writer at a time; different slots may be written by different
/// threads. Does not own the mapping.
class Writer {
 public:
  /// `layout` must stay mapped for the writer's life; initializes magic and version.
  explicit Writer(Layout* layout);
  void set_state(WorkerState state);
  /// A request is in flight, whether a slot shows it or not.
  void count_request();
  /// It is not any more; `status` is the HTTP status sent.
  void count_answer(int status);
  /// ... and it took so long.
  void count_duration(std::uint64_t nanoseconds);
  /// Slot `index` (taken modulo kSlots) shows that `line` runs since `started_ns` (CLOCK_MONOTONIC).
  void show(std::uint32_t index, std::string_view line, std::uint64_t started_ns);
  /// Frees the slot.
  void hide(std::uint32_t index);
  /// count_request() and show().
  void begin_request(std::uint32_t index, std::string_view line, std::uint64_t now_ns);
  /// hide() and count_answer().
  void end_request(std::uint32_t index, int status);
  void count_connection();

 private:
  Layout* layout_;
};

struct RunningRequest {
  std::string line;  // printable ASCII, anything else as \xNN
  std::uint64_t started_ns = 0;
};

struct Sample {
  WorkerState state = WorkerState::booting;
  std::uint32_t in_flight = 0;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  std::uint64_t connections = 0;
  std::array<std::uint64_t, kDurationBuckets> durations{};
  std::uint64_t duration_sum_ns = 0;
  std::vector<RunningRequest> running;  // oldest first; slots torn by a killed writer are left out
};

/// Reads a consistent sample, or nothing if the layout is not a scoreboard of this version. Never blocks.
std::optional<Sample> read(const Layout& layout);

}  // namespace gserve::scoreboard
