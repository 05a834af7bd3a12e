// SPDX-License-Identifier: MIT
#pragma once

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

struct Layout {
  Header header;
  Slot slots[kSlots];
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(Slot) == 256);

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
  std::vector<RunningRequest> running;  // oldest first; slots torn by a killed writer are left out
};

/// Reads a consistent sample, or nothing if the layout is not a scoreboard of this version. Never blocks.
std::optional<Sample> read(const Layout& layout);

}  // namespace gserve::scoreboard
