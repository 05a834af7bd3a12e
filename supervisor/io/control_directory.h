// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/io/service_state.h"

namespace gserve::io {

/// Where the control socket may stand. Nothing here reads the environment: from_environment() does.
struct ControlPlace {
  std::string name;                              // instance, see control::is_instance_name
  std::string explicit_path;                     // --control-socket; empty: search
  std::optional<std::string> runtime_directory;  // $RUNTIME_DIRECTORY: a colon list, the first entry counts
  std::optional<std::string> xdg_runtime_dir;    // $XDG_RUNTIME_DIR
  std::string run_root = "/run";                 // for root: RUN_ROOT/gserve/NAME/control
  uid_t euid = 0;
  mode_t socket_mode = 0600;

  /// RUNTIME_DIRECTORY, XDG_RUNTIME_DIR and the effective uid of this process.
  static ControlPlace from_environment(std::string name, std::string explicit_path, mode_t socket_mode);
};

/// Why there is no control socket.
struct ControlUnavailable {
  enum class Kind {
    already_running,  // a live process answers there: exit 1
    failed,           // --control-socket cannot be made: exit 1
    no_directory,     // nowhere to put it: a notice, and run without
  } kind = Kind::failed;
  std::string reason;  // one clear line
};

/// Owns the control socket's place in the file system, and with it the instance's name: two supervisors never
/// share one. A socket that a dead process left is replaced, anything else is left alone. Directories are
/// made as needed (RUN_ROOT/gserve 0755, the others 0700). Competing starters are serialized by flock(2) on
/// the directory. The destructor removes the socket, if it is still ours, and those directories made here
/// that are empty. Not thread safe. Claim after daemonizing: clients learn the supervisor's pid from the
/// socket (SO_PEERCRED).
class ControlDirectory {
 public:
  static std::variant<ControlDirectory, ControlUnavailable> claim(const ControlPlace& place);

  ControlDirectory(ControlDirectory&& other) noexcept;
  ControlDirectory& operator=(ControlDirectory&& other) noexcept;
  ~ControlDirectory();

  /// Goes on as the owner that another program in this process was.
  explicit ControlDirectory(const ControlState& state);
  ControlState state() const;

  /// The listening socket: non-blocking, close-on-exec. A duplicate: the owner's stays open for an upgrade.
  /// Throws std::system_error.
  UniqueFd listener() const;
  /// Absolute path of the socket.
  const std::string& path() const { return path_; }

  /// Removes what claim() made. Idempotent.
  void remove();

 private:
  ControlDirectory() = default;
  friend class ControlClaim;

  UniqueFd listener_;
  UniqueFd directory_;
  std::string path_;
  std::string file_;                  // last component of path_
  std::vector<std::string> created_;  // directories made here, outermost first
  dev_t device_ = 0;                  // of the socket's inode: only ours is ever unlinked
  ino_t inode_ = 0;
};

}  // namespace gserve::io
