// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/unique_fd.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::io {

/// Where log lines go: a file opened for appending, or a standard stream. Workers inherit its descriptor.
/// Movable, not thread safe.
class LogFile {
 public:
  /// Opens `path`, creating it if need be; "-" is a copy of `standard_fd` (1 or 2). Never waits: a FIFO needs
  /// a reader already. On failure one line that names the path.
  static std::variant<LogFile, std::string> open(const std::string& path, int standard_fd);

  /// What `path` was opened as by another program in this process; owns `fd`.
  static LogFile restore(const std::string& path, int standard_fd, UniqueFd fd) {
    return {path, standard_fd, std::move(fd)};
  }

  /// Opens the path again, after it was renamed by log rotation. On failure the old file stays in use and one
  /// line says why; else empty. The descriptor changes.
  std::string reopen();

  /// Appends `text` with one write(2). What does not fit (a full disk, a closed pipe) is dropped: a log never
  /// ends a service. SIGPIPE must be ignored by the process.
  void write(std::string_view text);

  /// The last whole lines that the file holds, whoever has written them, at most `limit` bytes. Empty where
  /// there is no file that can be read.
  std::string tail(std::size_t limit) const;

  int fd() const { return fd_.get(); }
  /// What it is, as the system tells.
  ports::LogPlace place() const;
  /// Whether it is the stream to the journal that systemd has given the service (systemd.exec(5),
  /// JOURNAL_STREAM).
  bool is_journal() const;

 private:
  LogFile(std::string path, int standard_fd, UniqueFd fd)
      : path_(std::move(path)), standard_fd_(standard_fd), fd_(std::move(fd)) {}

  std::string path_;
  int standard_fd_;
  UniqueFd fd_;
};

}  // namespace gserve::io
