// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include "common/unique_fd.h"

namespace gserve::test {

/// A lifeline, both ends.
struct Lifeline {
  Lifeline();
  /// Sends `word` with `fds` to the worker, as the supervisor does.
  void say(std::string_view word, const std::vector<int>& fds = {}) const;

  UniqueFd worker;
  UniqueFd supervisor;
};

}  // namespace gserve::test
