// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"

namespace gserve::io {

/// What comes from a template, or from one of the processes in the middle of its forks.
struct TemplateMessage {
  enum class Kind { born, forked, failed } kind;
  core::LaunchId launch;
  UniqueFd pidfd;      // born: of the worker
  std::string reason;  // failed
};

/// The supervisor's end of a template's control socket; see common/launch_contract.h. Movable.
class TemplateSocket {
 public:
  explicit TemplateSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  /// Asks for the worker `launch` with `fds` (borrowed), named `names`. Never blocks; why it was not taken,
  /// or an empty text.
  std::string ask_fork(core::LaunchId launch, std::string_view names, std::span<const int> fds);
  /// All that waits, oldest first; what is malformed is dropped. Never blocks.
  std::vector<TemplateMessage> receive();
  /// Nobody is at the other end. This says nothing about the template itself: only its exit does.
  bool ended() const { return ended_; }

 private:
  UniqueFd fd_;
  bool ended_ = false;
};

}  // namespace gserve::io
