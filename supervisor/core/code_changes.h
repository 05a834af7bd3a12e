// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <string>

namespace gserve::core {

/// What workers have said of changed files (`--reload`). Each worker watches the files that it has loaded, so
/// one change is told by all of them, at different times where they look now and then only. A change is
/// known by its file and its stamp, and news when it is told for the first time.
class CodeChanges {
 public:
  /// Changes beyond the last so many are forgotten.
  static constexpr std::size_t kRemembered = 256;

  bool is_news(const std::string& path, const std::string& stamp);

 private:
  std::deque<std::string> told_;
};

}  // namespace gserve::core
