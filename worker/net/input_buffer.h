// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace gserve::net {

/// Bytes received and not yet done with. Its contents move only in room(), take_front(), assign() and append(): while
/// an exchange is out none of them is called, so views into it stay valid.
class InputBuffer {
 public:
  /// What every idle connection keeps. A connection with larger heads grows once, and keeps that.
  static constexpr std::size_t kInitial = 2048;

  std::string_view view() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }

  /// Where received bytes go; `*size` is the room there, at least one byte.
  char* room(std::size_t* size) {
    if (size_ == capacity_) grow(capacity_ == 0 ? kInitial : capacity_ * 2);
    *size = capacity_ - size_;
    return data_.get() + size_;
  }
  void received(std::size_t n) { size_ += n; }

  void take_front(std::size_t n) {
    if (n < size_) std::memmove(data_.get(), data_.get() + n, size_ - n);
    size_ -= n;
    if (size_ == 0 && capacity_ > 8 * kInitial) release();
  }
  void assign(std::string_view bytes) {
    if (capacity_ < bytes.size()) {
      size_ = 0;
      grow(bytes.size());
    }
    std::memcpy(data_.get(), bytes.data(), bytes.size());
    size_ = bytes.size();
  }
  void append(std::string_view bytes) {
    if (capacity_ - size_ < bytes.size()) grow(size_ + bytes.size());
    if (!bytes.empty()) std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void release() {
    data_.reset();
    size_ = capacity_ = 0;
  }

 private:
  void grow(std::size_t capacity) {
    std::unique_ptr<char[]> bigger(new char[capacity]);
    if (size_ > 0) std::memcpy(bigger.get(), data_.get(), size_);
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace gserve::net
