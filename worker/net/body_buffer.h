// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/http/request.h"
#include "worker/net/spool.h"
#include "worker/net/waiter.h"

namespace gserve::net {

/// A request's decoded body: in memory, then in a spool file. Up to the memory limit is every body's own; a
/// larger one takes a share of what all have together, if there is one left.
///
/// Until the exchange is handed to an executor only the I/O thread uses it; afterwards only the executor,
/// unless the body streams: then both do, under the mutex. What is held is bounded: at the limit the I/O
/// thread stops reading until the executor has taken everything.
class BodyBuffer {
 public:
  BodyBuffer(ForkGuard& guard, const SpoolSettings& settings, SharedMemory& shared, Waiter& reader)
      : guard_(guard), settings_(settings), shared_(shared), reader_(reader) {}

  // I/O thread.
  /// Keeps a copy; false when the spool cannot be written (errno).
  bool append(std::string_view data);
  bool full() const { return held() >= settings_.body_limit; }
  /// Whether anything was kept since reset().
  bool empty() const { return held() == 0; }
  /// Lets the executor read while more arrives. Before the exchange is handed over.
  void stream() { streaming_ = true; }
  bool streaming() const { return streaming_; }
  /// While streaming: as append().
  bool append_streaming(std::string_view data);
  /// While streaming: whether no more may be read until the executor asks.
  bool paused();
  /// No more comes: the body is whole, or it broke; `refusal`: by the client's fault.
  void complete();
  void break_off(const http::Refusal& refusal = {});
  /// Any thread: whether all of it has arrived.
  bool whole();
  /// Any thread: whether it broke while streaming, and what the client is to blame for (status 0: nothing).
  bool broken();
  http::Refusal refusal();
  /// What is held, if it is all in memory and nothing was read of it; nothing otherwise.
  std::optional<std::string_view> in_memory() const {
    if (spooled_ > 0 || memory_read_ > 0) return std::nullopt;
    return memory_;
  }
  /// For the next request; gives large buffers back.
  void reset();

  // Executor.
  /// As Exchange::read_body. `*wanted` becomes true when the I/O thread must be asked to read on; the caller
  /// asks and calls again. Unless it `may_block` it answers Exchange::kMustWait, and the reader is resumed when
  /// there is more.
  ssize_t read(std::span<char> into, bool may_block, bool* wanted);

 private:
  std::uint64_t held() const { return memory_.size() + spooled_; }
  bool fits_in_memory(std::size_t more);
  ssize_t read_held(std::span<char> into);
  void tell_reader(std::unique_lock<std::mutex> lock);
  void restart_when_read();

  ForkGuard& guard_;
  const SpoolSettings& settings_;
  SharedMemory& shared_;
  std::size_t share_ = 0;  // taken of shared_
  Waiter& reader_;
  std::string memory_;
  std::size_t memory_read_ = 0;
  TrackedFd spool_;
  std::uint64_t spooled_ = 0;
  std::uint64_t spool_read_ = 0;
  bool streaming_ = false;
  bool complete_ = false;
  bool broken_ = false;
  http::Refusal refusal_;
  bool paused_ = false;   // the I/O thread waits to be asked
  bool waiting_ = false;  // the reader waits to be resumed
  std::mutex mutex_;
  std::condition_variable arrived_;
};

}  // namespace gserve::net
