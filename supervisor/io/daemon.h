// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "common/unique_fd.h"

/// --daemon. The process that was called stays in the foreground until the service can serve or has failed, and ends
/// with the truth; the daemon is a grandchild of it, in a session of its own.
namespace gserve::io {

/// The daemon's end of the pipe to who waits for it. Movable.
class DaemonReport {
 public:
  /// Of a process that is no daemon: says nothing.
  DaemonReport() = default;
  explicit DaemonReport(UniqueFd pipe) : pipe_(std::move(pipe)) {}

  /// The service serves, or ends with `code`, and why, for standard error; only the first word counts. A daemon
  /// that ends without one has failed.
  void tell(int code, const std::string& text = {});

 private:
  UniqueFd pipe_;
};

struct Daemonized {
  DaemonReport report;           // in the daemon
  std::optional<int> exit_code;  // in the process that was called: how it ends
};

/// Forks twice; call it before there are threads or an event loop. In the daemon standard input is /dev/null, output
/// and errors too unless `keep_output` (terminals in any case), the umask is 022 as gunicorn's, and orphaned grandchildren become ours. Throws
/// std::system_error.
Daemonized daemonize(bool keep_output);

}  // namespace gserve::io
