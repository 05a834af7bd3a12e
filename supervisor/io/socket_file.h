// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/io/service_state.h"

namespace gserve::io {

/// The name that a bound Unix socket has in the file system. Removes it when destroyed, but only while it is
/// still the same file: a successor may have put its own socket there. Movable, not copyable.
class SocketFile {
 public:
  SocketFile() = default;  // none
  /// Remembers the file that stands at `path` now, right after bind(2).
  explicit SocketFile(std::string path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  /// One that another program in this process remembered.
  explicit SocketFile(const FileIdentity& file)
      : path_(file.path), device_(file.device), inode_(file.inode) {}
  FileIdentity identity() const { return {path_, device_, inode_}; }

  /// The name stays when this is destroyed.
  void forget() { path_.clear(); }

  /// Removes the name now; later calls do nothing.
  void remove();

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace gserve::io
