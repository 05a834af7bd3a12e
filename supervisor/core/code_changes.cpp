// SPDX-License-Identifier: MIT
#include "supervisor/core/code_changes.h"

#include <algorithm>

namespace gserve::core {

bool CodeChanges::is_news(const std::string& path, const std::string& stamp) {
  const std::string change = stamp + ' ' + path;
  if (std::find(told_.begin(), told_.end(), change) != told_.end()) return false;
  told_.push_back(change);
  if (told_.size() > kRemembered) told_.pop_front();
  return true;
}

}  // namespace gserve::core
