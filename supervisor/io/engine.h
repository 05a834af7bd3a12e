// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>

#include "supervisor/core/supervisor.h"
#include "supervisor/io/action_runner.h"

namespace gserve::io {

/// Drives the core: each event in its turn, its actions carried out, their answers queued behind. An event
/// that is delivered while another is being handled waits: no recursion.
class Engine {
 public:
  /// `settled` is called when the queue has run empty: time to look at next_deadline() and exit_code().
  Engine(core::Supervisor supervisor, const ActionPorts& ports, std::function<void()> settled);

  void deliver(core::Event event);
  void set_control(ports::ControlBus* control) { runner_.set_control(control); }

  const core::Supervisor& supervisor() const { return supervisor_; }
  std::optional<int> exit_code() const { return runner_.exit_code(); }

 private:
  void drain();

  core::Supervisor supervisor_;
  ActionRunner runner_;
  std::function<void()> settled_;
  std::deque<core::Event> queue_;
  bool draining_ = false;
};

}  // namespace gserve::io
