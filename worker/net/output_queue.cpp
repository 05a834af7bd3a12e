// SPDX-License-Identifier: MIT
#include "worker/net/output_queue.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace gserve::net {
namespace {

constexpr std::size_t kMostParts = 8;
constexpr std::size_t kSendfileTurn = std::size_t{1} << 20;
constexpr std::size_t kRecord = std::size_t{1} << 14;  // the most that TLS encrypts at once (RFC 8446, 5.1)
constexpr std::size_t kSpoolTurn = std::size_t{1} << 20;

bool is_gone(int error) {
  return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT;
}

std::size_t total_size(std::span<const std::string_view> parts) {
  std::size_t total = 0;
  for (const std::string_view part : parts) total += part.size();
  return total;
}

void remove_prefix(std::span<std::string_view> parts, std::size_t n) {
  for (std::string_view& part : parts) {
    const std::size_t taken = std::min(n, part.size());
    part.remove_prefix(taken);
    n -= taken;
  }
}

/// Returns what was sent, 0 when the socket takes nothing now, -1 with errno.
ssize_t send_parts(int socket, std::span<const std::string_view> parts) {
  std::array<iovec, kMostParts> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  for (const std::string_view part : parts) {
    if (!part.empty()) vectors[message.msg_iovlen++] = {const_cast<char*>(part.data()), part.size()};
  }
  for (;;) {
    const ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return n;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}

/// As send_parts, for a range of a file. The file's end before `size` bytes is an error (ENODATA).
ssize_t send_range(int socket, int file, off_t offset, std::uint64_t size) {
  for (;;) {
    const ssize_t n = ::sendfile(socket, file, &offset, static_cast<std::size_t>(size));
    if (n > 0) return n;
    if (n < 0 && errno == EAGAIN) return 0;
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENODATA;
    return -1;
  }
}

}  // namespace

Sent OutputQueue::write(int socket, std::span<const std::string_view> given, Manner manner) {
  std::array<std::string_view, kMostParts> copy;
  std::copy(given.begin(), given.end(), copy.begin());
  const std::span<std::string_view> parts(copy.data(), given.size());
  if (total_size(parts) == 0) return Sent::ok;
  for (;;) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      if (gone_) return Sent::client_gone;
      was_empty = segments_.empty();
      if (was_empty && manner.sends && tls_ == nullptr) {
        const Sent sent = send_now(socket, parts);
        if (sent != Sent::ok || total_size(parts) == 0) return sent;
      }
      keep_in_memory(parts);
      was_empty = was_empty && !segments_.empty();
    }
    if (was_empty) owner_.output_queued();
    if (total_size(parts) == 0) return Sent::ok;
    if (spool(parts)) continue;
    if (!manner.blocks) {
      keep_all(parts);
      return Sent::ok;
    }
    if (!wait_until_drained()) return Sent::client_gone;
  }
}

/// Beyond all limits; has_room() says no from now on.
void OutputQueue::keep_all(std::span<std::string_view> parts) {
  spool_failed_ = true;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    was_empty = segments_.empty();
    Segment& segment = segments_.emplace_back();
    for (const std::string_view part : parts) segment.bytes.append(part);
    in_memory_ += segment.bytes.size();
  }
  if (was_empty) owner_.output_queued();
}

bool OutputQueue::has_room() {
  if (!spool_failed_ && spool_end_ < settings_.spool_limit) return true;
  const std::lock_guard lock(mutex_);
  waiting_ = !segments_.empty() && !gone_;
  if (!waiting_) start_spool_over();
  return !waiting_;
}

/// A new file, not the old one from its start: sendfile(2) sends the file's pages themselves, and those that the
/// socket still holds must not change.
void OutputQueue::start_spool_over() {
  spool_.reset();
  spool_end_ = 0;
  spool_failed_ = false;
}

/// With the mutex held and nothing queued.
Sent OutputQueue::send_now(int socket, std::span<std::string_view> parts) {
  const ssize_t n = send_parts(socket, parts);
  if (n < 0) {
    gone_ = is_gone(errno);
    return gone_ ? Sent::client_gone : Sent::failed;
  }
  remove_prefix(parts, static_cast<std::size_t>(n));
  return Sent::ok;
}

/// With the mutex held: queues what the memory limit allows.
void OutputQueue::keep_in_memory(std::span<std::string_view> parts) {
  const std::size_t total = total_size(parts);
  const std::size_t room = settings_.memory_limit - std::min(in_memory_, settings_.memory_limit);
  std::size_t left = std::min(total, room);
  if (left == 0) return;
  if (segments_.empty() || segments_.back().file >= 0) segments_.emplace_back();
  std::string& bytes = segments_.back().bytes;
  in_memory_ += left;
  for (std::string_view& part : parts) {
    const std::size_t taken = std::min(left, part.size());
    bytes.append(part.substr(0, taken));
    part.remove_prefix(taken);
    left -= taken;
  }
}

/// Spools a turn's worth. False when the spool is full or cannot be written: then the client must read first.
bool OutputQueue::spool(std::span<std::string_view> parts) {
  if (!spool_) spool_ = open_spool(guard_, settings_.dir);
  if (!spool_ || spool_end_ >= settings_.spool_limit) return false;
  const std::uint64_t start = spool_end_;
  std::uint64_t room = std::min<std::uint64_t>(settings_.spool_limit - start, kSpoolTurn);
  bool written = true;
  for (std::string_view& part : parts) {
    const std::string_view piece = part.substr(0, std::min<std::uint64_t>(part.size(), room));
    // The mutex is not held: a slow disk must not stop the I/O thread. Nobody reads beyond what is published.
    written = write_at(spool_.get(), piece, static_cast<off_t>(spool_end_));
    if (!written) break;
    part.remove_prefix(piece.size());
    spool_end_ += piece.size();
    room -= piece.size();
  }
  if (publish_spooled(static_cast<off_t>(start), spool_end_ - start)) owner_.output_queued();
  return written;
}

/// Returns whether the queue was empty.
bool OutputQueue::publish_spooled(off_t offset, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (gone_ || size == 0) return false;
  const bool was_empty = segments_.empty();
  if (!was_empty) {
    Segment& last = segments_.back();
    if (last.file == spool_.get() && last.offset + static_cast<off_t>(last.left) == offset) {
      last.left += size;
      return false;
    }
  }
  Segment& segment = segments_.emplace_back();
  segment.file = spool_.get();
  segment.offset = offset;
  segment.left = size;
  return was_empty;
}

/// Blocks until the client has read everything, then starts the spool over. False when the client is gone.
bool OutputQueue::wait_until_drained() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return segments_.empty() || gone_; });
  start_spool_over();
  return !gone_;
}

Sent OutputQueue::write_file(int socket, int file, off_t offset, std::uint64_t size, Manner manner) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return Sent::client_gone;
    was_empty = segments_.empty();
    if (was_empty && manner.sends && tls_ == nullptr) {
      const ssize_t n = send_range(socket, file, offset, std::min<std::uint64_t>(size, kSendfileTurn));
      if (n < 0) {
        gone_ = is_gone(errno);
        return gone_ ? Sent::client_gone : Sent::failed;
      }
      offset += n;
      size -= static_cast<std::uint64_t>(n);
    }
    if (size == 0) return Sent::ok;
    TrackedFd duplicate = make_tracked(guard_, [&] { return ::fcntl(file, F_DUPFD_CLOEXEC, 0); });
    if (!duplicate) return Sent::failed;
    Segment& segment = segments_.emplace_back();
    segment.file = duplicate.get();
    segment.owned = std::move(duplicate);
    segment.offset = offset;
    segment.left = size;
  }
  if (was_empty) owner_.output_queued();
  return Sent::ok;
}

OutputQueue::Flush OutputQueue::flush(int socket, std::size_t budget) {
  std::unique_lock lock(mutex_);
  const Flush result = send_queued(socket, budget);
  const bool resumes = result == Flush::drained && std::exchange(waiting_, false);
  lock.unlock();
  if (resumes) owner_.resume();
  return result;
}

/// With the mutex held.
OutputQueue::Flush OutputQueue::send_queued(int socket, std::size_t budget) {
  if (gone_) return Flush::gone;
  while (!segments_.empty()) {
    if (budget == 0) return Flush::more;
    const ssize_t n = send_front(socket, budget);
    if (n == 0) return Flush::blocked;
    if (n < 0) return is_gone(errno) ? Flush::gone : Flush::failed;
    budget -= std::min(budget, static_cast<std::size_t>(n));
  }
  drained_.notify_all();
  return Flush::drained;
}

ssize_t OutputQueue::send_front(int socket, std::size_t budget) {
  Segment& front = segments_.front();
  ssize_t n = 0;
  if (front.file >= 0) {
    n = send_file(socket, front, budget);
    if (n <= 0) return n;
    front.offset += n;
    front.left -= static_cast<std::uint64_t>(n);
    if (front.left == 0) segments_.pop_front();
    return n;
  }
  const std::string_view rest = std::string_view(front.bytes).substr(front.sent);
  n = send_bytes(socket, rest);
  if (n <= 0) return n;
  front.sent += static_cast<std::size_t>(n);
  if (front.sent == front.bytes.size()) {
    in_memory_ -= front.bytes.size();
    segments_.pop_front();
  }
  return n;
}

ssize_t OutputQueue::send_bytes(int socket, std::string_view bytes) {
  return tls_ != nullptr ? tls_->send(bytes) : send_parts(socket, {&bytes, 1});
}

/// A range of a file, which without TLS the kernel sends by itself.
ssize_t OutputQueue::send_file(int socket, const Segment& segment, std::size_t budget) {
  const auto size = std::min<std::uint64_t>({segment.left, budget, kSendfileTurn});
  if (tls_ == nullptr) return send_range(socket, segment.file, segment.offset, size);
  std::array<char, kRecord> record;
  const ssize_t n =
      ::pread(segment.file, record.data(), std::min<std::size_t>(size, kRecord), segment.offset);
  if (n == 0) errno = ENODATA;
  if (n <= 0) return -1;
  return tls_->send({record.data(), static_cast<std::size_t>(n)});
}

bool OutputQueue::empty() {
  const std::lock_guard lock(mutex_);
  return segments_.empty();
}

void OutputQueue::abandon() {
  std::unique_lock lock(mutex_);
  gone_ = true;
  drop_segments();
  drained_.notify_all();
  const bool resumes = std::exchange(waiting_, false);
  lock.unlock();
  if (resumes) owner_.resume();
}

void OutputQueue::reset() {
  const std::lock_guard lock(mutex_);
  gone_ = waiting_ = false;
  drop_segments();
  start_spool_over();
}

void OutputQueue::drop_segments() {
  segments_.clear();
  in_memory_ = 0;
}

}  // namespace gserve::net
