// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include "supervisor/core/actions.h"

namespace gserve::core {

class WorkerHandle;

/// Gathers the actions of one call of Supervisor::handle, in order.
class Outbox {
 public:
  void push(Action action) { actions_.push_back(std::move(action)); }
  void log(LogLevel level, std::string text);
  /// About a worker: its pid and generation go with the line.
  void log(LogLevel level, std::string text, const WorkerHandle& worker);
  Actions take() { return std::exchange(actions_, {}); }

 private:
  Actions actions_;
};

}  // namespace gserve::core
