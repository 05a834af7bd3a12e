// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "common/scoreboard.h"
#include "common/unique_fd.h"

namespace gserve::io {

/// The supervisor's side of one launch's scoreboard: the sealed memory file and a read-only mapping of it.
/// The seals keep a worker from truncating it under the reader (SIGBUS). Movable.
class ScoreboardMemory {
 public:
  /// Throws std::system_error.
  ScoreboardMemory();
  /// Of a launch that another program in this process began; owns `fd` unless it throws.
  explicit ScoreboardMemory(int fd);
  ScoreboardMemory(ScoreboardMemory&& other) noexcept;
  ScoreboardMemory& operator=(ScoreboardMemory&&) = delete;
  ~ScoreboardMemory();

  /// For the worker, and for the program that an upgrade puts in this one's place, to map.
  int fd() const { return fd_.get(); }

  /// Nothing until the worker has set its scoreboard up.
  std::optional<scoreboard::Sample> sample() const;

 private:
  UniqueFd fd_;
  const scoreboard::Layout* layout_ = nullptr;
};

}  // namespace gserve::io
