// SPDX-License-Identifier: MIT
#include "supervisor/io/log_files.h"

#include <string>

namespace gserve::io {

void LogFiles::write(const core::Log& line) {
  errors_.log(line.level, line.text, line.pid, line.generation);
  if (metrics_ != nullptr) metrics_->count_line(line.level);
}

std::string LogFiles::reopen() {
  std::string wrong = errors_.reopen();  // it reports its own failure
  if (!access_) return wrong;
  const std::string reason = access_->reopen();
  if (reason.empty()) return wrong;
  errors_.log(core::LogLevel::error, reason);
  return wrong.empty() ? reason : wrong + "; " + reason;
}

}  // namespace gserve::io
