// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "common/unique_fd.h"
#include "ctl/process_watch.h"

namespace gserve::ctl {

/// Reads the end of a log file and what is appended to it, line by line, also over its rotation: when another file
/// stands at the path, the old one is read to its end first. A file that is cut is read from its start.
class LogTail {
 public:
  /// A line without its newline. False: no more is wanted.
  using Line = std::function<bool(std::string_view)>;

  explicit LogTail(std::string path) : path_(std::move(path)) {}

  /// The last `count` lines. What went wrong, in one line; else empty.
  std::string last(std::size_t count, const Line& line);
  /// What comes after them, until the deadline. A line is one when its newline is there.
  std::string follow(Deadline deadline, const Line& line);

 private:
  std::string open();
  bool read_on(const Line& line);
  bool replaced() const;
  std::string failure(const char* what) const;

  std::string path_;
  UniqueFd file_;
  std::string begun_;  // of a line whose end is not there yet
};

}  // namespace gserve::ctl
