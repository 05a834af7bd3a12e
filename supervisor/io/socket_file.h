// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

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

  /// Removes the name now; later calls do nothing.
  void remove();

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace gserve::io
