// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "supervisor/io/control_directory.h"
#include "supervisor/io/deployments.h"
#include "supervisor/io/listener_set.h"
#include "supervisor/io/log_files.h"
#include "supervisor/io/metrics.h"
#include "supervisor/io/notify_socket.h"
#include "supervisor/io/pidfile_lock.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/signals.h"
#include "supervisor/io/start_context.h"
#include "supervisor/ports/listeners.h"

namespace gserve::io {

/// The service cannot start; what() is one clear line.
class StartFailure : public std::runtime_error {
 public:
  StartFailure(int exit_code, const std::string& reason)
      : std::runtime_error(reason), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

class MasterHooks;

class ServiceListeners : public ports::Listeners {
 public:
  explicit ServiceListeners(ListenerSet set) : set_(std::move(set)) {}
  void stop_listening() override { set_.stop_listening(); }
  const ListenerSet& set() const { return set_; }

 private:
  ListenerSet set_;
};

/// What the service holds in the system from its start to its end; destroying it leaves no file behind. Taken
/// in this order, so that a second start is refused before it touches anything of the first.
struct Resources {
  Resources();
  Resources(Resources&&) noexcept;
  ~Resources();

  std::string instance;
  std::unique_ptr<Metrics> metrics;  // null: no statsd server
  std::unique_ptr<LogFiles> logs;
  std::unique_ptr<MasterHooks> hooks;
  std::unique_ptr<PidfileLock> pidfile;                 // null: no --pid
  std::unique_ptr<ControlDirectory> control_directory;  // null: no control interface
  std::unique_ptr<Listener> admin;                      // null: no --admin
  std::unique_ptr<ServiceListeners> listeners;
  std::unique_ptr<NotifySocket> notify;
};

/// What another program in this process had taken, as `state` tells it; the working directory is still the
/// configured one. The descriptors are owned from then on.
void restore_resources(const StartContext& context, Resources& resources, const ServiceState& state);
/// What of it the next program needs.
void save_resources(const Resources& resources, ServiceState& state);

/// Changes to the configured directory and takes everything; the hook on_starting is called before the listeners are
/// opened. Waits up to 5 s for an address in use; a stop
/// signal in `signals` ends the wait. Throws StartFailure.
Resources take_resources(const StartContext& context, const Deployment& deployment, SignalQueue& signals);

}  // namespace gserve::io
