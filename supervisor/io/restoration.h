// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "supervisor/io/launch_registry.h"
#include "supervisor/io/reexecution.h"
#include "supervisor/io/resources.h"
#include "supervisor/io/shell.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"

namespace gserve::io {

/// A service that another program in this process ran until now. Until commit() nothing is lost if it turns
/// out that it cannot go on here: descriptors are still open across an execution, files are in their places.
class Restoration {
 public:
  /// Corrects `context`, which is borrowed, to what it was at the start of the service. Throws
  /// std::exception.
  Restoration(StartContext& context, SignalQueue& signals, const PassedOn& passed);
  ~Restoration();
  Restoration(const Restoration&) = delete;
  Restoration& operator=(const Restoration&) = delete;

  /// The service is ours; the program that ran before is let go.
  void commit();
  Shell& shell() { return *shell_; }

 private:
  struct Held;
  void restore(StartContext& context, SignalQueue& signals);

  PassedOn passed_;
  ServiceState state_;
  std::unique_ptr<Held> held_;
  std::unique_ptr<Shell> shell_;
};

}  // namespace gserve::io
