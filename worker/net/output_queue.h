// SPDX-License-Identifier: MIT
#pragma once

#include <sys/uio.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "worker/net/exchange.h"
#include "worker/net/spool.h"
#include "worker/net/tls_session.h"
#include "worker/net/waiter.h"

namespace gserve::net {

/// What a connection still has to send: bytes in memory, ranges of the spool and of the application's files,
/// in order.
///
/// The hybrid rule: an executor sends by itself while nothing is queued; what the socket does not take is
/// queued and the I/O thread sends it. An executor with an event loop leaves all sending to the I/O thread. That
/// learns of it through Owner::output_queued(), called when the queue stops being empty. The mutex is held across
/// the (non-blocking) send, so that bytes never overtake each other.
///
/// With TLS nobody but the I/O thread sends: everything is queued.
class OutputQueue {
 public:
  class Owner : public Waiter {
   public:
    /// Something is queued; the I/O thread must send it. Called without the mutex.
    virtual void output_queued() = 0;
  };

  enum class Flush { drained, blocked, more, gone, failed };
  /// What a write does beyond queueing.
  struct Manner {
    bool sends = true;   // at once, while nothing is queued
    bool blocks = true;  // when memory and spool are full; else memory takes all of it
  };

  OutputQueue(ForkGuard& guard, const SpoolSettings& settings, Owner& owner)
      : guard_(guard), settings_(settings), owner_(owner) {}

  /// What is sent is encrypted by `session`, which is borrowed; null: no more. Nothing may be queued.
  void encrypt_with(TlsSession* session) { tls_ = session; }

  /// Sends or queues copies of `parts`, in order. Blocks only when memory and spool are full.
  Sent write(int socket, std::span<const std::string_view> parts, Manner manner);
  /// Sends or queues a range of a regular file; the file is duplicated when it is queued.
  Sent write_file(int socket, int file, off_t offset, std::uint64_t size, Manner manner);
  /// For an executor that may not block, before it writes: false while memory and spool are full. Then the owner
  /// is resumed when the client has read everything.
  bool has_room();

  /// I/O thread: sends up to `budget` bytes of what is queued.
  Flush flush(int socket, std::size_t budget);
  bool empty();
  /// The client is gone, or too slow: drops everything and lets a waiting executor go on.
  void abandon();
  /// For the next response; nothing may be queued. Gives the spool back.
  void reset();

 private:
  struct Segment {
    std::string bytes;     // if file < 0
    std::size_t sent = 0;  // of bytes
    int file = -1;         // the spool, or `owned`
    TrackedFd owned;
    off_t offset = 0;
    std::uint64_t left = 0;  // of the file
  };

  Sent send_now(int socket, std::span<std::string_view> parts);
  void keep_in_memory(std::span<std::string_view> parts);
  bool spool(std::span<std::string_view> parts);
  bool publish_spooled(off_t offset, std::uint64_t size);
  bool wait_until_drained();
  void keep_all(std::span<std::string_view> parts);
  void start_spool_over();
  Flush send_queued(int socket, std::size_t budget);
  ssize_t send_front(int socket, std::size_t budget);
  ssize_t send_bytes(int socket, std::string_view bytes);
  ssize_t send_file(int socket, const Segment& segment, std::size_t budget);
  void drop_segments();

  ForkGuard& guard_;
  const SpoolSettings& settings_;
  Owner& owner_;
  TlsSession* tls_ = nullptr;
  std::mutex mutex_;
  std::condition_variable drained_;
  std::deque<Segment> segments_;
  std::size_t in_memory_ = 0;
  bool gone_ = false;
  bool waiting_ = false;         // the writer waits to be resumed
  TrackedFd spool_;              // made and extended by the executor, read by the I/O thread
  std::uint64_t spool_end_ = 0;  // executor only
  bool spool_failed_ = false;    // executor only: it could not be written
};

}  // namespace gserve::net
