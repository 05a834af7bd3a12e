// SPDX-License-Identifier: MIT
#include "supervisor/io/scoreboard_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

const scoreboard::Layout* map(int fd) {
  void* memory = ::mmap(nullptr, scoreboard::kSize, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "cannot map a scoreboard");
  }
  return static_cast<const scoreboard::Layout*>(memory);
}

}  // namespace

ScoreboardMemory::ScoreboardMemory() : fd_(make_sized_memfd("gserve-scoreboard", scoreboard::kSize)) {
  layout_ = map(fd_.get());
}

ScoreboardMemory::ScoreboardMemory(int fd) {
  layout_ = map(fd);
  fd_.reset(fd);
}

ScoreboardMemory::ScoreboardMemory(ScoreboardMemory&& other) noexcept
    : fd_(std::move(other.fd_)), layout_(std::exchange(other.layout_, nullptr)) {}

ScoreboardMemory::~ScoreboardMemory() {
  if (layout_) ::munmap(const_cast<scoreboard::Layout*>(layout_), scoreboard::kSize);
}

std::optional<scoreboard::Sample> ScoreboardMemory::sample() const {
  return scoreboard::read(*layout_);
}

}  // namespace gserve::io
