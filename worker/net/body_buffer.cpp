// SPDX-License-Identifier: MIT
#include "worker/net/body_buffer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/net/exchange.h"

namespace gserve::net {
namespace {

constexpr std::size_t kKeptCapacity = 4096;
constexpr std::size_t kShare = std::size_t{1} << 20;

}  // namespace

bool BodyBuffer::fits_in_memory(std::size_t more) {
  if (spooled_ > 0) return false;
  const std::size_t size = memory_.size() + more;
  if (size <= settings_.memory_limit + share_) return true;
  if (share_ > 0 || size > settings_.memory_limit + kShare || !shared_.take(kShare)) return false;
  share_ = kShare;
  memory_.reserve(settings_.memory_limit + kShare);
  return true;
}

bool BodyBuffer::append(std::string_view data) {
  const bool spools = settings_.body_limit > settings_.memory_limit;
  if (!spools || fits_in_memory(data.size())) {
    memory_.append(data);
    return true;
  }
  if (!spool_) spool_ = open_spool(guard_, settings_.dir);
  if (!spool_ || !write_at(spool_.get(), data, static_cast<off_t>(spooled_))) return false;
  spooled_ += data.size();
  return true;
}

bool BodyBuffer::append_streaming(std::string_view data) {
  std::unique_lock lock(mutex_);
  const bool kept = append(data);
  paused_ = full();
  tell_reader(std::move(lock));
  return kept;
}

bool BodyBuffer::paused() {
  const std::lock_guard lock(mutex_);
  return paused_;
}

void BodyBuffer::complete() {
  std::unique_lock lock(mutex_);
  complete_ = !broken_;
  tell_reader(std::move(lock));
}

void BodyBuffer::break_off(const http::Refusal& refusal) {
  std::unique_lock lock(mutex_);
  broken_ = true;
  refusal_ = refusal;
  tell_reader(std::move(lock));
}

/// Whoever waits for more, in read() or elsewhere.
void BodyBuffer::tell_reader(std::unique_lock<std::mutex> lock) {
  const bool waiting = std::exchange(waiting_, false);
  arrived_.notify_one();
  lock.unlock();
  if (waiting) reader_.resume();
}

bool BodyBuffer::whole() {
  if (!streaming_) return true;
  const std::lock_guard lock(mutex_);
  return complete_;
}

bool BodyBuffer::broken() {
  if (!streaming_) return false;
  const std::lock_guard lock(mutex_);
  return broken_;
}

http::Refusal BodyBuffer::refusal() {
  if (!streaming_) return {};
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void BodyBuffer::reset() {
  if (memory_.capacity() > kKeptCapacity) {
    memory_ = {};
  } else {
    memory_.clear();
  }
  shared_.give_back(std::exchange(share_, 0));
  spool_.reset();
  memory_read_ = 0;
  spooled_ = spool_read_ = 0;
  streaming_ = complete_ = broken_ = paused_ = waiting_ = false;
  refusal_ = {};
}

ssize_t BodyBuffer::read(std::span<char> into, bool may_block, bool* wanted) {
  if (!streaming_) return read_held(into);
  std::unique_lock lock(mutex_);
  for (;;) {
    const ssize_t n = read_held(into);
    if (n != 0) {
      restart_when_read();
      return n;
    }
    if (complete_) return 0;
    if (broken_) return -1;
    if (std::exchange(paused_, false)) {
      *wanted = true;
      return 0;
    }
    if (!may_block) {
      waiting_ = true;
      return Exchange::kMustWait;
    }
    arrived_.wait(lock);
  }
}

ssize_t BodyBuffer::read_held(std::span<char> into) {
  if (memory_read_ < memory_.size()) {
    const std::size_t n = std::min(into.size(), memory_.size() - memory_read_);
    std::memcpy(into.data(), memory_.data() + memory_read_, n);
    memory_read_ += n;
    return static_cast<ssize_t>(n);
  }
  if (spool_read_ >= spooled_) return 0;
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), spooled_ - spool_read_));
  ssize_t n = 0;
  do {
    n = ::pread(spool_.get(), into.data(), most, static_cast<off_t>(spool_read_));
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return -1;
  spool_read_ += static_cast<std::uint64_t>(n);
  return n;
}

void BodyBuffer::restart_when_read() {
  if (memory_read_ < memory_.size() || spool_read_ < spooled_) return;
  memory_.clear();
  memory_read_ = 0;
  spooled_ = spool_read_ = 0;
}

}  // namespace gserve::net
