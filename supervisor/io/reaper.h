// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "supervisor/core/types.h"

/// The only place that waits for processes (waitid(2)). A second reaper would steal exit statuses, and a pid
/// must not become free while something of its owner is still unread.
namespace gserve::io {

struct Reaped {
  core::Pid pid;
  core::ExitStatus status;
};

/// Reaps every child that has ended, one after the other: looks at a zombie without freeing its pid, calls
/// `before_reap` (read what the process said, while its pid is still its own), frees the pid, then calls
/// `reaped`. Children that the supervisor did not start (orphans of applications, when it is their subreaper)
/// come here too. Never blocks.
void reap_children(const std::function<void()>& before_reap,
                   const std::function<void(const Reaped&)>& reaped);

/// Whether the process is a child of ours, alive or not. Waits for nothing.
bool is_child(int pidfd);

/// Waits until the child `pid` has ended and reaps it: for a child that is known to end at once.
core::ExitStatus reap_child(core::Pid pid);

}  // namespace gserve::io
