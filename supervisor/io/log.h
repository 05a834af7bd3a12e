// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/syslog.h"
#include "supervisor/core/types.h"
#include "supervisor/io/log_file.h"

namespace gserve::io {

/// The error log, in gunicorn's format: `[2026-11-23 09:15:27 +0000] [PID] [INFO] message`, PID being this
/// process; or a JSON object in each line. A worker that the message is about follows it as ` worker=PID
/// generation=N`. Every call writes its text at once, with one write(2); nothing that goes wrong there is
/// reported or thrown. Where the log is the journal, each line is an entry with its priority and the worker's fields; where only
/// its stream is there (JOURNAL_STREAM), each has its priority in front. Movable, not thread safe.
class Log {
 public:
  enum class Style { text, json };

  /// Opens `path` ("-": standard error), or says in one line why not. Less than `level` is not written.
  static std::variant<Log, std::string> open(const std::string& path, core::LogLevel level,
                                             Style style = Style::text);

  /// Goes on with what is open already.
  Log(LogFile file, core::LogLevel level, Style style = Style::text);

  Log(Log&& other) noexcept;
  Log& operator=(Log&& other) noexcept;
  ~Log();

  /// `text` may have several lines (a traceback); the worker's fields go to the end of the first. Other
  /// control characters are written as \xNN. `pid` and `generation` are 0 where no worker is concerned.
  void log(core::LogLevel level, std::string_view text, core::Pid pid = 0, core::Generation generation = 0);

  void set_level(core::LogLevel level);

  /// Every line goes to a syslog server, too, as text, under the name `tag`.
  void copy_to(syslog::Sender sender, std::string tag);
  /// Sends what the server has not taken yet.
  void flush();

  /// The last lines, at most 4 KiB: of the file if it can be read, then also those that workers have written;
  /// else those of this log that were about the process `pid` or about none, without what followed the first
  /// line of a text.
  std::string last_lines(core::Pid pid) const;

  /// After log rotation, see LogFile::reopen; failure is also logged. fd() changes.
  std::string reopen();

  /// See LogFile::place.
  ports::LogPlace place() const;

  /// For workers to inherit; borrowed.
  int fd() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gserve::io
