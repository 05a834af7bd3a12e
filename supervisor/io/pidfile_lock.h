// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"
#include "supervisor/io/service_state.h"

namespace gserve::io {

/// A pidfile that this process owns: `PID\n`, mode 0644, as gunicorn writes it. The content is replaced by
/// rename, so readers never see half of it, and the file itself is held under flock(2): whoever holds the
/// lock on the file that stands at the path is the owner, and a crash gives it up. No other file is left
/// behind. Destroying the lock removes the file if it is still ours and holds our pid. Movable.
class PidfileLock {
 public:
  /// Becomes the owner for process `pid`, or says in one line why not: "already running (pid N)" when another
  /// owner lives, or when the file names a live process that holds no lock (another server's pidfile). A file
  /// that is empty, not a number, or names a dead process or `pid` itself is stale and replaced.
  static std::variant<PidfileLock, std::string> acquire(const std::string& path, core::Pid pid);

  /// Goes on as the owner that another program in this process, `pid`, was.
  PidfileLock(const PidfileState& state, core::Pid pid) : path_(state.path), pid_(pid), locked_(state.fd) {}
  PidfileState state() const { return {locked_.get(), path_}; }

  PidfileLock(PidfileLock&& other) noexcept;
  PidfileLock& operator=(PidfileLock&& other) noexcept;
  ~PidfileLock() { release(); }

 private:
  PidfileLock(std::string path, core::Pid pid, UniqueFd locked)
      : path_(std::move(path)), pid_(pid), locked_(std::move(locked)) {}
  void release();

  std::string path_;
  core::Pid pid_;
  UniqueFd locked_;  // the file at path_; none after a move
};

}  // namespace gserve::io
