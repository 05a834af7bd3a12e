// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "supervisor/io/log.h"
#include "supervisor/io/log_file.h"
#include "supervisor/io/metrics.h"
#include "supervisor/ports/journal.h"

namespace gserve::io {

/// The error log, which the supervisor and its workers write, and the access log, which it only opens for
/// them.
class LogFiles : public ports::Journal {
 public:
  LogFiles(Log errors, std::optional<LogFile> access)
      : errors_(std::move(errors)), access_(std::move(access)) {}

  /// Lines are counted there from now on; borrowed.
  void count_in(Metrics* metrics) { metrics_ = metrics; }
  /// Sends what a syslog server has not taken yet.
  void flush() { errors_.flush(); }

  void write(const core::Log& line) override;
  std::string reopen() override;

  /// See Log::last_lines.
  std::string last_lines(core::Pid pid) const { return errors_.last_lines(pid); }

  ports::LogPlace place() const { return errors_.place(); }
  int error_fd() const { return errors_.fd(); }
  /// -1: the access log is off.
  int access_fd() const { return access_ ? access_->fd() : -1; }

 private:
  Log errors_;
  Metrics* metrics_ = nullptr;
  std::optional<LogFile> access_;
};

}  // namespace gserve::io
